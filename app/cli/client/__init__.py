"""The `berth` command for customers and operators: a client of the API and of nothing else.

It imports no domain and opens no database. `main` is the entrance, `http` the one door to the API, `output` how things
are shown, `exits` what the exit codes mean; the other modules hold the commands, one module a group.
"""
