"""Who a cookie stands for, between processes: seen at once by message, within the bound without one, and without
Valkey."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from app.domains.auth.public import resolve_actor
from app.domains.auth.service.session_cache import SESSION, TOKEN
from app.shared.authz import ActorKind
from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Runtime
from app.shared.rdb import connect
from app.shared.readcache import ReadCache
from tests.fixtures.app import Browser, SignIn, expire
from tests.shared.readcache.conftest import hears, stand_still, until

Process = Callable[[str], Awaitable[Runtime]]


@pytest.fixture
async def process(runtime: Runtime) -> AsyncIterator[Process]:
    """`await process(url)`: one more web process on the same database, and on the Valkey of that address."""
    started: list[Runtime] = []

    async def start(url: str) -> Runtime:
        other = Runtime(runtime.settings, runtime.database, connect(url))
        started.append(other)
        return other

    yield start
    for other in started:
        await other.close_parts()
        await other.valkey.aclose()


@contextmanager
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """What is asked of PostgreSQL meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    engine = runtime.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def cookie_of(browser: Browser, runtime: Runtime) -> str:
    return browser.client.cookies[runtime.settings.web.cookie("session")]


def test_a_revocation_is_seen_within_five_seconds_whatever_is_lost() -> None:
    for model in (SESSION, TOKEN):
        assert model.shared_seconds + model.local_seconds < 5


async def test_who_asks_again_costs_no_statement(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    stand_still(runtime.part(ReadCache))
    cookie = cookie_of(ada, runtime)
    first = await resolve_actor(runtime, cookie, None)
    with statements(runtime) as asked:
        assert await resolve_actor(runtime, cookie, None) is first
    assert not asked


async def test_a_cold_session_is_one_statement_about_auth(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await expire(runtime)
    with statements(runtime) as asked:
        await resolve_actor(runtime, cookie_of(ada, runtime), None)
    assert len([statement for statement in asked if "auth." in statement]) == 1


async def test_another_process_hears_of_a_revocation(runtime: Runtime, process: Process, sign_in_as: SignIn) -> None:
    ada, other = await sign_in_as("ada"), await process(runtime.settings.valkey_url)
    cookie = cookie_of(ada, runtime)
    await hears(other.part(ReadCache))
    assert (await resolve_actor(other, cookie, None)).kind is ActorKind.USER
    assert (await ada.post("/logout")).status_code == 303

    async def refused() -> bool:
        return await resolve_actor(other, cookie, None) is ANONYMOUS

    await until(refused, 1.5)  # before the two seconds of the process are over


async def test_a_lost_revocation_is_seen_within_five_seconds(
    runtime: Runtime, process: Process, sign_in_as: SignIn, open_context: Callable[..., object]
) -> None:
    """The row alone is changed: no event, no message, no new generation."""
    ada, other = await sign_in_as("ada"), await process(runtime.settings.valkey_url)
    cookie = cookie_of(ada, runtime)
    await hears(other.part(ReadCache))
    assert (await resolve_actor(other, cookie, None)).kind is ActorKind.USER
    async with open_context() as ctx:  # type: ignore[attr-defined]
        gone = text("UPDATE auth.oidc_sessions SET revoked_at = clock_timestamp(), revoked_reason = 'lost'")
        await ctx.session.execute(gone)
    began = time.monotonic()

    async def refused() -> bool:
        return await resolve_actor(other, cookie, None) is ANONYMOUS

    await until(refused, 10)
    assert time.monotonic() - began < 5


async def test_without_valkey_a_revocation_is_seen_at_once(
    runtime: Runtime, process: Process, sign_in_as: SignIn
) -> None:
    ada, other = await sign_in_as("ada"), await process("redis://127.0.0.1:1/0")
    cookie = cookie_of(ada, runtime)
    assert (await resolve_actor(other, cookie, None)).kind is ActorKind.USER
    assert (await ada.post("/logout")).status_code == 303
    assert await resolve_actor(other, cookie, None) is ANONYMOUS


async def test_a_session_is_seen_once_a_minute(
    runtime: Runtime, sign_in_as: SignIn, open_context: Callable[..., object]
) -> None:
    ada = await sign_in_as("ada")
    cookie, seen_at = cookie_of(ada, runtime), []
    for age in (timedelta(0), timedelta(minutes=2)):
        async with open_context() as ctx:  # type: ignore[attr-defined]
            back = text("UPDATE auth.oidc_sessions SET last_seen_at = clock_timestamp() - :age RETURNING last_seen_at")
            before = await ctx.session.scalar(back, {"age": age})
        await expire(runtime)
        await resolve_actor(runtime, cookie, None)
        async with open_context() as ctx:  # type: ignore[attr-defined]
            seen_at.append(await ctx.session.scalar(text("SELECT last_seen_at FROM auth.oidc_sessions")) - before)
    assert seen_at[0] == timedelta(0) and seen_at[1] >= timedelta(minutes=2)
