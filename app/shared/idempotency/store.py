"""The first statement of a mutation: its unique index makes a twin wait until the first one has committed.

What is stored is the command's result, which is rendered again; a rollback leaves no row; secrets are never stored
(the result type of a command that makes one leaves it out).
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec
from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.errors import IdempotencyInProgress, IdempotencyKeyReused


class IdempotencyKey(msgspec.Struct, frozen=True):
    """Who repeats what: the actor, the route, their key, and the hash of the body."""

    actor: str
    route: str
    key: str
    body_hash: bytes


class KeyedContext(Protocol):
    @property
    def session(self) -> AsyncSession: ...

    @property
    def idempotency(self) -> IdempotencyKey | None: ...


C = TypeVar("C", bound=KeyedContext)
A = TypeVar("A")
R = TypeVar("R", bound=msgspec.Struct)

INSERT = text("""
    INSERT INTO shared.idempotency_keys (actor, route, key, body_hash)
    VALUES (:actor, :route, :key, :body_hash) ON CONFLICT DO NOTHING
""")
SELECT = text("""
    SELECT body_hash, result FROM shared.idempotency_keys WHERE actor = :actor AND route = :route AND key = :key
""")
STORE = text("""
    UPDATE shared.idempotency_keys SET result = CAST(:result AS jsonb)
    WHERE actor = :actor AND route = :route AND key = :key
""")


async def once(ctx: C, result_type: type[R], use_case: Callable[[C, A], Awaitable[R]], command: A) -> R:
    """Run `use_case(ctx, command)` unless this request's key has run already; then give back what it gave.

    Raises IdempotencyKeyReused when the key came with another body, IdempotencyInProgress when the first request
    still runs after the lock time-out.
    """
    key = ctx.idempotency
    if key is None:
        return await use_case(ctx, command)
    place = {"actor": key.actor, "route": key.route, "key": key.key}
    try:
        inserted = await ctx.session.execute(INSERT, {**place, "body_hash": key.body_hash})
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise  # the database is away: nobody knows of a first request
        raise IdempotencyInProgress(retry_after=2) from error
    if inserted.rowcount == 0:  # type: ignore[attr-defined]  # a cursor result of DML
        row = (await ctx.session.execute(SELECT, place)).one()
        if bytes(row.body_hash) != key.body_hash:
            raise IdempotencyKeyReused()
        return msgspec.convert(row.result, type=result_type, strict=False)
    result = await use_case(ctx, command)
    await ctx.session.execute(STORE, {**place, "result": msgspec.json.encode(result).decode()})
    return result
