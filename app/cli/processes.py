"""The entry points of the processes and one-shot commands. Each imports its module only when called."""

import asyncio
import inspect
from importlib import import_module

from app.cli.environment import adopt_running_stack


def web(_argv: list[str]) -> int:
    """The web process. See `app/cli/server` for how it ends."""
    adopt_running_stack()
    from app.cli.server import serve

    return serve()


def worker(_argv: list[str]) -> int:
    """Jobs, outbox relay and event consumers."""
    return _main("workers.saq")


def provisioner(_argv: list[str]) -> int:
    """Workflows and their activities."""
    return _main("workers.provisioner")


def terminal_host(_argv: list[str]) -> int:
    """The shells of terminals."""
    return _main("workers.terminal_host")


def migrate(_argv: list[str]) -> int:
    """All migrations, as the database's owner."""
    return _main("app.shared.db.migrate")


def seed(_argv: list[str]) -> int:
    """The demonstration data; repeatable."""
    return _main("devstack.seed")


def _main(module: str) -> int:
    """Calls `main()` of the module; a coroutine is run to its end. None counts as success."""
    adopt_running_stack()
    result = import_module(module).main()
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    return int(result or 0)
