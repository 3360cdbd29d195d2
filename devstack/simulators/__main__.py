"""Serves the simulators of a configuration file: one process, one event loop, one loopback port each.

Owns sockets, readiness lines and shutdown. Prints `NAME ready on http://127.0.0.1:PORT` per simulator when it answers.
SIGTERM and SIGINT stop it within a few seconds; sections missing from the file are not served.
"""

import argparse
import asyncio
import importlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec
import uvicorn

from devstack.simulators.http import Application

NAMES = ("maas", "stripe", "oidc", "smtp")
GRACE_SECONDS = 2

Config = dict[str, object]


class Server(uvicorn.Server):
    """A server that leaves the signals to the runner (there are several in one loop) and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(config: Config, names: tuple[str, ...] = NAMES) -> dict[str, socket.socket]:
    """Listening loopback sockets for the sections present; each `port` in `config` becomes the one really bound."""
    sockets: dict[str, socket.socket] = {}
    for name in names:
        section = config.get(name)
        if not isinstance(section, dict):
            continue
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", int(section.get("port", 0))))
        sock.listen(128)
        section["port"] = sock.getsockname()[1]
        sockets[name] = sock
    return sockets


def load(name: str) -> Callable[..., Application]:
    """The `create_app` of one simulator."""
    module = importlib.import_module(f"devstack.simulators.{name}.app")
    return cast("Callable[..., Application]", module.create_app)


async def serve(config: Config, stop: asyncio.Event, ready: Callable[[str, int], None]) -> None:
    """Serve until `stop` is set. `ready(name, port)` is called for each simulator that answers.

    Raises RuntimeError when one of them ends by itself."""
    sockets = bind(config)
    servers: dict[str, Server] = {}
    for name in sockets:
        data_dir = Path(str(config["data_dir"])) / name
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        app = load(name)(config, data_dir)
        settings = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        servers[name] = Server(settings)
    tasks = {name: asyncio.create_task(server.serve(sockets=[sockets[name]])) for name, server in servers.items()}
    for name, server in servers.items():
        up = asyncio.create_task(server.up.wait())
        await asyncio.wait([up, tasks[name]], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if server.started:
            ready(name, sockets[name].getsockname()[1])
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
    died = [name for name, task in tasks.items() if task.done() and not stop.is_set()]
    waiting.cancel()
    for server in servers.values():
        server.should_exit = True
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    if died:
        raise RuntimeError(f"simulator ended by itself: {', '.join(died)}")


async def run(config: Config) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(config, stop, lambda name, port: print(f"{name} ready on http://127.0.0.1:{port}", flush=True))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m devstack.simulators", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the configuration file (JSON)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx2", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    config = msgspec.json.decode(options.config.read_bytes(), type=Config)
    try:
        asyncio.run(run(config))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
