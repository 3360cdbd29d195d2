"""Appends one audit row: who, in which role, did what to what, with which result, in which request."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.audit.actions import AuditAction
from app.shared.authz.actor import Actor
from app.shared.authz.permissions import Permission
from app.shared.ids import new_id


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    action: AuditAction | Permission  # a permission: what was refused before any use case ran
    target_kind: str
    target_id: str
    result: str  # allowed | refused
    occurred_at: datetime
    correlation_id: str
    reason: str | None = None
    details: dict[str, object] = {}
    about_tenant: UUID | None = None  # whose affair it is, when an operator acts on an organisation


INSERT = text("""
    INSERT INTO admin.audit_logs (id, occurred_at, actor_kind, actor_id, actor_roles, action, target_kind, target_id,
                                  result, reason, details, tenant_id, project_id, correlation_id)
    VALUES (:id, :occurred_at, :actor_kind, :actor_id, :actor_roles, :action, :target_kind, :target_id,
            :result, :reason, CAST(:details AS jsonb), :tenant_id, :project_id, :correlation_id)
""")


async def append_audit_row(session: AsyncSession, row: AuditRow, row_id: UUID | None = None) -> None:
    """Write `row` in the session's transaction."""
    await session.execute(
        INSERT,
        {
            "id": row_id or new_id(),
            "occurred_at": row.occurred_at,
            "actor_kind": row.actor.kind.value,
            "actor_id": row.actor.id,
            "actor_roles": row.actor.role_names,
            "action": str(row.action),
            "target_kind": row.target_kind,
            "target_id": row.target_id[:200],
            "result": row.result,
            "reason": row.reason,
            "details": msgspec.json.encode(row.details).decode(),
            "tenant_id": row.about_tenant or row.actor.tenant_id,
            "project_id": row.actor.project_id,
            "correlation_id": row.correlation_id,
        },
    )
