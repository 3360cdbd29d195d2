"""What is attacked: the whole application on a port, with a count of what each operation answered."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
KEY = b"x-idempotency-key"
GOOD_KEY = re.compile(rb"[!-~][ -~]{0,150}")


class Target:
    """Counts answers by operation. A key that is good is made one of its own: generated ones are few and would only
    be refused as used before."""

    def __init__(self, app: ASGIApp, operations: list[tuple[str, str]]) -> None:
        self._app = app
        self._numbers = itertools.count()
        patterns = [(re.compile(re.sub(r"\{\w+\}", "[^/]*", path) + "$"), path) for _, path in operations]
        self._patterns = sorted(dict(patterns).items(), key=lambda item: item[1].count("{"))
        self.answers: dict[str, Counter[int]] = defaultdict(Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        label = self._label(scope["method"], scope["path"])

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers[label][message["status"]] += 1
            await send(message)

        headers = [(name, self._own(value) if name == KEY else value) for name, value in scope["headers"]]
        await self._app({**scope, "headers": headers}, receive, counted)

    def _own(self, key: bytes) -> bytes:
        return b"%b~%d" % (key, next(self._numbers)) if GOOD_KEY.fullmatch(key) else key

    def _label(self, method: str, path: str) -> str:
        return next((f"{method} {template}" for pattern, template in self._patterns if pattern.match(path)), "")


@asynccontextmanager
async def listening(app: Any, sock: socket.socket) -> AsyncIterator[None]:
    """`app` answers on the port of `sock`."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[sock]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


def read_description() -> dict[str, Any]:
    return json.loads(COMMITTED.read_text("utf-8"))  # type: ignore[no-any-return]


def operations_of(root: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, item in root["paths"].items() for method in item]
