"""`python -m devstack.simulators.nodes --config FILE.json`: serve the simulated machines until SIGTERM."""

import argparse
import asyncio
import contextlib
import os
import signal
from pathlib import Path

import uvicorn

from devstack.simulators.nodes.config import NodesConfig, load_config
from devstack.simulators.nodes.confinement import Level, strongest_level
from devstack.simulators.nodes.control import create_control
from devstack.simulators.nodes.fleet import Fleet


class _Server(uvicorn.Server):
    """uvicorn, with signals left to us: it would raise them again after closing."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


async def serve(config: NodesConfig, level: Level) -> None:
    """Run until SIGTERM or SIGINT; every session has ended when this returns."""
    fleet = Fleet(config, level)
    server = _Server(
        uvicorn.Config(
            create_control(fleet), "127.0.0.1", config.control_port, lifespan="off", log_level="warning",
            access_log=False, timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    await fleet.start()
    try:
        print(f"nodes: sessions are confined by {level}", flush=True)
        await server.serve()
    finally:
        await fleet.stop()


def main() -> None:
    """Read the configuration and serve."""
    parser = argparse.ArgumentParser(prog="devstack.simulators.nodes")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--uid-only", action="store_true", help="confine sessions by an own uid only, no namespaces")
    arguments = parser.parse_args()
    level = strongest_level()
    if arguments.uid_only and level is Level.NAMESPACES:
        level = Level.UID
    os.umask(0o022)
    asyncio.run(serve(load_config(arguments.config), level))


if __name__ == "__main__":
    main()
