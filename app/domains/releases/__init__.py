"""Access to machines: short-lived SSH certificates, and the record of every key that was certified.

Owns: allocation_ssh_public_keys (schema releases)
Emits: nothing
Consumes: nothing
Called by: provisioning (management, probe), terminal (sessions)
"""
