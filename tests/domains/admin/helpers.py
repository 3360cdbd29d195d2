"""Helpers of operator tests: rows of the audit log, platform roles, the text of a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.shared.audit import AuditRow, append_audit_row
from app.shared.authz.actor import SYSTEM, Actor
from app.shared.ids import new_id
from tests.fixtures.app import Browser, expire

if TYPE_CHECKING:
    from app.shared.context import Runtime

MANY = text("""
    INSERT INTO admin.audit_logs (id, occurred_at, actor_kind, actor_id, actor_roles, action, target_kind, target_id,
                                  result, details, tenant_id, correlation_id)
    SELECT gen_random_uuid(), CAST(:at AS timestamptz) - make_interval(secs => n), 'user', CAST(:actor AS uuid),
           '{tenant_owner}', 'allocation.launch', 'allocation', gen_random_uuid()::text, 'allowed',
           jsonb_build_object('note', repeat('x', 200)), CAST(:tenant AS uuid), 'many-' || n
    FROM generate_series(1, :count) n
""")
GRANT = text("INSERT INTO auth.memberships (id, user_id, role, created_at) VALUES (:id, :user_id, :role, now())")
AUDITED = text("""
    SELECT action, result, target_id, details, tenant_id, actor_id FROM admin.audit_logs
    WHERE action <> 'session.sign_in' ORDER BY id
""")


def words(markup: str) -> str:
    """The text of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


async def write_rows(runtime: Runtime, actor: Actor, *actions: str, age: int = 0, **more: object) -> None:
    """Rows of `actor`, a second apart, the last one `age` seconds ago."""
    async with runtime.context(SYSTEM) as ctx:
        at = datetime.now(UTC) - timedelta(seconds=age + len(actions))
        for number, action in enumerate(actions):
            row = AuditRow(
                actor=actor,
                action=action,
                target_kind="allocation",
                target_id=str(new_id()),
                result="allowed",
                occurred_at=at + timedelta(seconds=number),
                correlation_id=f"story-{number:04d}",
            )
            await append_audit_row(ctx.session, msgspec.structs.replace(row, **more))


async def write_many(runtime: Runtime, count: int, actor_id: UUID | None, tenant_id: UUID | None) -> None:
    """`count` rows in one statement."""
    async with runtime.context(SYSTEM) as ctx:
        values = {"count": count, "actor": actor_id, "tenant": tenant_id, "at": datetime.now(UTC)}
        await ctx.session.execute(MANY, values)


async def give_role(runtime: Runtime, person: Browser, role: str) -> None:
    """Give a person a platform role, from their next request on."""
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(GRANT, {"id": new_id(), "user_id": person.actor.id, "role": role})
    await expire(runtime)


async def audited(runtime: Runtime) -> list[dict[str, object]]:
    """The whole log, oldest first."""
    async with runtime.context(SYSTEM) as ctx:
        return [dict(row._mapping) for row in await ctx.session.execute(AUDITED)]
