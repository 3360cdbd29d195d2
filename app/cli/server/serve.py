"""uvicorn with our application, and an end that loses no request.

SIGTERM begins the end. For `BERTH_DRAIN_SECONDS` (default 0) the process answers as before while `/readyz` says no and
every answer asks for the connection to be closed, so that a load balancer moves on; then it stops listening, finishes
what is open and tells WebSockets to come back (1012). A second signal ends the wait.
"""

import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import structlog
import uvicorn
from litestar.types import ASGIApp
from uvicorn.middleware.proxy_headers import _TrustedHosts

from app.asgi import create_app
from app.cli.server.bounds import Bounds, Census
from app.cli.server.http import BoundedHttp
from app.cli.server.websocket import BoundedWebSocket
from app.registry import DOMAINS
from app.settings import Settings
from app.shared.context import Runtime
from app.shared.manifest import Domain
from app.shared.service_checks import Asking, begin
from app.web.middleware.headers import fixed_headers

BOUNDS = Bounds()
log = structlog.get_logger("berth.web")


class DrainingServer(uvicorn.Server):
    """Waits between the signal and the end."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime, drain_seconds: float) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._seconds = drain_seconds
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM begins the drain; anything else, or a second one, ends it."""
        if sig != signal.SIGTERM or self._ends_at is not None or self._seconds <= 0:
            super().handle_exit(sig, frame)
            return
        self._runtime.draining = True
        self._ends_at = time.monotonic() + self._seconds

    async def on_tick(self, counter: int) -> bool:
        """uvicorn asks ten times a second whether to stop."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(domains: Sequence[Domain] = DOMAINS) -> int:
    """Answer until told to end. `BERTH_TRUSTED_PROXIES` names proxies whose headers are believed."""
    _take_all_descriptors()
    app = create_app(domains=domains)
    runtime: Runtime = app.state.runtime
    runtime.silent = begin(runtime.settings, os.environ)
    app.on_startup.append(_asking(runtime))
    web = runtime.settings.web
    config = configured(
        app, runtime.settings, ",".join(web.trusted_proxies), host=web.host, port=web.port, loop="uvloop"
    )
    log.info("web started", host=config.host, port=config.port)
    DrainingServer(config, runtime, web.drain_seconds).run()
    return 0


def _asking(runtime: Runtime) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        runtime.part(Asking)

    return ask


def configured(
    app: ASGIApp, settings: Settings, proxies: str = "", bounds: Bounds = BOUNDS, **given: Any
) -> uvicorn.Config:
    """uvicorn with our protocols. `proxies` are addresses and networks, separated by commas; `given` is uvicorn's."""
    census, headers = Census(bounds, _TrustedHosts(proxies or [])), fixed_headers(settings)
    return uvicorn.Config(
        app,
        http=partial(BoundedHttp, bounds, census, headers),  # type: ignore[arg-type]
        ws=partial(BoundedWebSocket, bounds, headers),  # type: ignore[arg-type]
        log_config=None,  # its loggers are ours: one chain
        timeout_graceful_shutdown=5,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        ws_per_message_deflate=False,  # terminal output would pay for it twice
        ws_max_size=1024 * 1024,  # for apps; one is held in memory before anybody looks, and the shell takes less
        **given,
    )


def _take_all_descriptors() -> None:
    """A connection is a descriptor: the soft limit that shells set is far below what may wait at the bounds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
