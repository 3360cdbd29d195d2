"""The entry points of the processes and one-shot commands. Each imports its module only when called."""

import asyncio
import inspect
import os
from importlib import import_module

from app.cli.environment import adopt_running_stack


def web(_words: list[str]) -> int:
    """The web process: uvicorn with our factory. `BERTH_TRUSTED_PROXIES` names proxies whose headers are believed."""
    adopt_running_stack()
    import uvicorn

    proxies = os.environ.get("BERTH_TRUSTED_PROXIES", "")
    uvicorn.run(
        "app.asgi:create_app",
        factory=True,
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
        ws_max_size=128 * 1024,  # no frame of ours is larger, and one is held in memory before anybody looks at it
    )
    return 0


def worker(_words: list[str]) -> int:
    """Jobs, outbox relay and event consumers."""
    return _main("workers.saq")


def provisioner(_words: list[str]) -> int:
    """Workflows and their activities."""
    return _main("workers.provisioner")


def migrate(_words: list[str]) -> int:
    """All migrations, as the database's owner."""
    return _main("app.shared.db.migrate")


def seed(_words: list[str]) -> int:
    """The demonstration data; repeatable."""
    return _main("devstack.seed")


def _main(module: str) -> int:
    """Calls `main()` of the module; a coroutine is run to its end. None counts as success."""
    adopt_running_stack()
    result = import_module(module).main()
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    return int(result or 0)
