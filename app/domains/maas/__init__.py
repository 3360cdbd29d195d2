"""Client of Canonical MAAS: reads machines, allocates, deploys, releases them.

Owns: nothing
Emits: nothing
Consumes: nothing
"""
