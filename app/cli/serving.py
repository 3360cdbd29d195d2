"""uvicorn with our application, and an end that loses no request.

SIGTERM begins the end. For `BERTH_DRAIN_SECONDS` (default 0) the process answers as before while `/readyz` says no and
every answer asks for the connection to be closed, so that a load balancer moves on; then it stops listening, finishes
what is open and tells WebSockets to come back (1012). A second signal ends the wait.
"""

import os
import signal
import time
from types import FrameType

import uvicorn

from app.asgi import create_app
from app.context import Runtime


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


def serve() -> int:
    """Answer until told to end. `BERTH_TRUSTED_PROXIES` names proxies whose headers are believed."""
    proxies = os.environ.get("BERTH_TRUSTED_PROXIES", "")
    app = create_app()
    config = uvicorn.Config(
        app,
        host=os.environ.get("BERTH_HOST", "127.0.0.1"),
        port=int(os.environ.get("BERTH_PORT", "8000")),
        loop="uvloop",
        http="httptools",
        timeout_graceful_shutdown=5,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        ws_per_message_deflate=False,  # terminal output would pay for it twice
        ws_max_size=1024 * 1024,  # for apps; one is held in memory before anybody looks, and the shell takes less
    )
    DrainingServer(config, app.state.runtime, float(os.environ.get("BERTH_DRAIN_SECONDS", "0"))).run()
    return 0
