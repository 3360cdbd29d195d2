"""Shells in the browser that outlive their socket and the web process: tickets, sessions, terminal hosts, the relay
between WebSocket and SSH.

In Valkey it keeps terminal_token:*, terminal:host:* and terminal:hosts.

Owns: terminal_sessions
Emits: nothing
Consumes: auth.session.revoked, provisioning.allocation.release_requested
"""
