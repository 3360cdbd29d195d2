"""A request whose database goes away is told so: nobody says that an earlier request with its key still runs."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.shared.authz.actor import SYSTEM
from app.shared.errors import IdempotencyInProgress
from app.shared.idempotency import IdempotencyKey
from app.shared.use_case import Unprivileged, use_case

pytestmark = pytest.mark.commits
CUT = text("SELECT pg_terminate_backend(:pid, 5000)")


class Done(msgspec.Struct, frozen=True):
    number: int


@use_case(Unprivileged("a test"))
async def answer(ctx, command: int) -> Done:
    return Done(command)


def key(name: str) -> IdempotencyKey:
    return IdempotencyKey("test", "", "POST /x", name, b"body")


async def ask_and_lose_the_connection(runtime) -> None:
    async with runtime.context(SYSTEM, idempotency=key("cut")) as ctx:
        await ctx.session.execute(text("SET LOCAL lock_timeout = 5000"))  # begins the transaction
        pid = await ctx.session.scalar(text("SELECT pg_backend_pid()"))
        async with runtime.context(SYSTEM) as other:
            assert await other.session.scalar(CUT, {"pid": pid})
        await answer(ctx, 1)


async def ask_impatiently(runtime) -> None:
    async with runtime.context(SYSTEM, idempotency=key("twin")) as ctx:
        await ctx.session.execute(text("SET LOCAL lock_timeout = 100"))
        await answer(ctx, 2)


async def test_a_cut_connection_is_no_twin(runtime) -> None:
    with pytest.raises(OperationalError):
        await ask_and_lose_the_connection(runtime)
    async with runtime.context(SYSTEM, idempotency=key("cut")) as ctx:
        assert await answer(ctx, 2) == Done(2)  # the first one left nothing


async def test_a_twin_that_still_runs_is_told_of(runtime) -> None:
    async with runtime.context(SYSTEM, idempotency=key("twin")) as first:
        await answer(first, 1)
        with pytest.raises(IdempotencyInProgress):
            await ask_impatiently(runtime)
