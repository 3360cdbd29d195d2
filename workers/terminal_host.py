"""`berth terminal-host`: holds the shells of terminals, so that web processes come and go without them.

It knows no page and no job. The first SIGTERM drains it for `BERTH_TERMINAL_DRAIN_SECONDS`; a second one ends it at
once. Either way each shell ends in words.
"""

import asyncio
import contextlib
import os
import signal
import socket

import structlog
import uvloop

from app.domains.terminal.service.server import TerminalServer
from app.settings import Settings, load_settings
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.rdb import connect
from app.shared.service_checks import Asking, begin
from app.shared.telemetry.logs import configure_logs
from workers.heartbeat import keep_heartbeat
from workers.metrics import serve_metrics

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound

log = structlog.get_logger("terminal-host")


def reachable_address(settings: Settings) -> str:
    """Where web processes find this host. Raises OSError when this computer's own name means nothing."""
    if settings.terminal.address is not None:
        return settings.terminal.address
    bind = settings.web.host
    return socket.gethostbyname(socket.gethostname()) if bind in WILDCARDS else bind


async def serve(runtime: Runtime) -> None:
    """Hold shells until told to end."""
    ending, at_once = asyncio.Event(), asyncio.Event()

    def end() -> None:
        (at_once if ending.is_set() else ending).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    runtime.part(Asking)
    server, settings = TerminalServer(runtime), runtime.settings
    await server.start(settings.web.host, settings.terminal.port, reachable_address(settings))
    heartbeat = asyncio.create_task(keep_heartbeat(runtime.valkey, "terminal-host"))
    log.info("terminal host started", host=server.name)
    await ending.wait()
    log.info("terminal host drains", seconds=settings.terminal.drain_seconds)
    draining = asyncio.create_task(server.drain(settings.terminal.drain_seconds))
    stopped = asyncio.create_task(at_once.wait())
    await asyncio.wait({draining, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, stopped, heartbeat):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await heartbeat
    await server.aclose()
    await runtime.close()
    log.info("terminal host stopped")


def main() -> int:
    """`berth terminal-host`."""
    configure_logs("terminal-host")
    settings = load_settings(os.environ)
    silent = begin(settings, os.environ)
    runtime = Runtime(settings=settings, database=Database(settings.database), valkey=connect(settings.valkey_url))
    runtime.silent = silent
    serve_metrics(settings)
    uvloop.run(serve(runtime))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
