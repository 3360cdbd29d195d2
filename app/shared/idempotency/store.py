"""Stores results by idempotency key. The unique index makes a concurrent request with the same key wait for the first.

What is stored is the command's result, which is rendered again; a rollback leaves no row; secrets are never stored
(the result type of a command that makes one leaves it out). A repeat is asked for its permission again before it gets
anything.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec
from psycopg.errors import LockNotAvailable
from sqlalchemy import Row, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz.actor import Actor
from app.shared.db.repository import changed_rows
from app.shared.errors import IdempotencyInProgress, IdempotencyKeyReused
from app.shared.idempotency.key import IdempotencyKey


class KeyedContext(Protocol):
    @property
    def actor(self) -> Actor: ...

    @property
    def session(self) -> AsyncSession: ...

    @property
    def idempotency(self) -> IdempotencyKey | None: ...


C = TypeVar("C", bound=KeyedContext)
A = TypeVar("A")
R = TypeVar("R")

INSERT = text("""
    INSERT INTO shared.idempotency_keys (actor, place, route, key, body_hash)
    VALUES (:actor, :place, :route, :key, :body_hash) ON CONFLICT DO NOTHING
""")
SELECT = text("""
    SELECT body_hash, result FROM shared.idempotency_keys
    WHERE actor = :actor AND place = :place AND route = :route AND key = :key
""")
STORE = text("""
    UPDATE shared.idempotency_keys SET result = CAST(:result AS jsonb)
    WHERE actor = :actor AND place = :place AND route = :route AND key = :key
""")
READ_ONLY = text("SET TRANSACTION READ ONLY")


async def replay(
    ctx: KeyedContext, result_type: type[R], change: Callable[[], Awaitable[R]], recheck: Callable[[], None], part: str
) -> R:
    """Run `change` unless this request's key has run already; then give back what it gave, once `recheck` has asked
    whether the actor may still have it. Inside of another change it runs as a part of that one.

    Raises IdempotencyKeyReused when the key came with another body, IdempotencyInProgress when the first request
    still runs after the lock time-out, and for a repeat what refuses the actor now.
    """
    key = ctx.idempotency
    if key is None or key.running:
        return await change()
    with key.claim(part):
        scope = _key_row(key, part)
        if key.stores and await _is_first(ctx.session, scope, key):
            result = await change()
            await ctx.session.execute(STORE, {**scope, "result": msgspec.json.encode(result).decode()})
            return result
        row = await _find(ctx.session, scope)
        if row is None:  # it was pruned between the two statements: whoever comes again is first
            raise IdempotencyInProgress(retry_after=2)
        if bytes(row.body_hash) != key.body_hash:
            raise IdempotencyKeyReused()
        if key.scope:  # else it was their own affair, and they stand elsewhere now
            recheck()
        return msgspec.convert(row.result, type=result_type, strict=False)


async def recall(ctx: KeyedContext, result_type: type[R], part: str) -> R | None:
    """What an earlier request with this key stored for `part`; None when it did not get that far."""
    key = ctx.idempotency
    row = await _find(ctx.session, _key_row(key, part)) if key else None
    return msgspec.convert(row.result, type=result_type, strict=False) if row and row.result is not None else None


async def is_stored(session: AsyncSession, key: IdempotencyKey) -> bool:
    """Whether a request with this key has been answered."""
    return await _find(session, _key_row(key, "")) is not None


async def dry_run(ctx: C, use_case: Callable[[C, A], Awaitable[R]], command: A) -> R:
    """Run what only looks, in a request that could have changed something: the key stays free and the database refuses
    every change."""
    await ctx.session.execute(READ_ONLY)
    if ctx.idempotency is not None:
        ctx.idempotency.waive()
    return await use_case(ctx, command)


def _key_row(key: IdempotencyKey, part: str) -> dict[str, str]:
    route = f"{key.route} #{part}" if part else key.route
    return {"actor": key.actor, "place": key.scope, "route": route, "key": key.key}


async def _is_first(session: AsyncSession, scope: dict[str, str], key: IdempotencyKey) -> bool:
    try:
        inserted = await changed_rows(session, INSERT, {**scope, "body_hash": key.body_hash})
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise  # the database is away: nobody knows of a first request
        raise IdempotencyInProgress(retry_after=2) from error
    return inserted > 0


async def _find(session: AsyncSession, scope: dict[str, str]) -> Row[tuple[object, ...]] | None:
    return (await session.execute(SELECT, scope)).one_or_none()
