"""The command line `berth`: one table of commands, each loaded only when called.

Owns no rule of the product and no part of the development stack; it finds the function and passes the words on.
"""
