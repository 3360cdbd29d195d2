"""Shells in the browser that outlive their socket: tickets, sessions, the relay between WebSocket and SSH.

In Valkey it keeps terminal_token:*, terminal:host:* and terminal:process:*.

Owns: terminal_sessions
Emits: nothing
Consumes: auth.session.revoked, provisioning.allocation.release_requested
"""
