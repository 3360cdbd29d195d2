"""Shells in the browser that outlive their socket: tickets, sessions, the relay between WebSocket and SSH.

Owns: terminal_sessions (schema terminal); in Valkey terminal_token:*, terminal:host:*, terminal:process:*
Emits: nothing
Consumes: auth.session.revoked, provisioning.allocation.release_requested
Called by: nobody
"""
