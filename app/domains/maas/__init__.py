"""Client of Canonical MAAS: reads machines, allocates, deploys, releases them.

Tables: none.
Emits: nothing.
Consumes: nothing.
Called by: provisioning (machines and their lives), inventory (import and reconciliation), admin (health).
"""
