"""The doors of appruntime: SSH to machines, and HTTP and WebSocket to apps through it."""

from app.domains.appruntime.gateway.channel import AppChannel
from app.domains.appruntime.gateway.exchange import Request, Upstream
from app.domains.appruntime.gateway.link import Link, connect
from app.domains.appruntime.gateway.machine import AppMachine, AppStatus, Manager
from app.domains.appruntime.gateway.socket import UpstreamSocket
from app.shared.ssh import Stream

__all__ = [
    "AppChannel",
    "AppMachine",
    "AppStatus",
    "Link",
    "Manager",
    "Request",
    "Stream",
    "Upstream",
    "UpstreamSocket",
    "connect",
]
