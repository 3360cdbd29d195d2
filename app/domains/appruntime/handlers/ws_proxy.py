"""The origins of apps: HTTP and WebSocket, everything that is sent there. See service/proxy.py."""

from litestar.types import ASGIApp

from app.domains.appruntime.service.proxy import AppProxy
from app.shared.context import Runtime


def host_app(runtime: Runtime) -> ASGIApp:
    """For the composition root, which tells hosts apart."""
    return AppProxy(runtime)
