"""The doors of appruntime: SSH to machines, and HTTP and WebSocket to apps through it."""

from app.domains.appruntime.gateway.channel import AppChannel, Upstream, UpstreamSocket
from app.domains.appruntime.gateway.link import Link, Place, Stream, connect
from app.domains.appruntime.gateway.machine import AppMachine, AppStatus, Manager

__all__ = [
    "AppChannel",
    "AppMachine",
    "AppStatus",
    "Link",
    "Manager",
    "Place",
    "Stream",
    "Upstream",
    "UpstreamSocket",
    "connect",
]
