"""Client of Canonical MAAS: reads machines, allocates, deploys, releases them.

Owns: no tables.
Emits: nothing.
Consumes: nothing.
Called by: provisioning (machines and their lives), inventory (import and reconciliation), admin (health).
"""
