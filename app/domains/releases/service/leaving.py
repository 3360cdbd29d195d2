"""Who may not log in any more: their keys leave the machines, and connections by certificate are to end.

One role less is not yet the end: where another role of theirs still holds the permission, nothing changes.
"""

from collections.abc import Iterable
from uuid import UUID

from app.context import Context
from app.domains.auth import public as auth
from app.domains.releases.events import EntryEnded
from app.domains.releases.repository import AttachmentRepository, CertificateRepository
from app.domains.releases.service.attachments import tell
from app.shared.authz import Permission


async def person_lost_role(ctx: Context, user_id: UUID, tenant_id: UUID, project_id: UUID | None) -> None:
    """A role there (None: in the whole organisation) is gone or another one: end what no other role allows."""
    attachments = AttachmentRepository(ctx.session)
    entries = await CertificateRepository(ctx.session).list_entries(user_id, tenant_id, project_id)
    with_keys = await attachments.list_projects(user_id, tenant_id, project_id)
    lost = await _lost(ctx, user_id, tenant_id, {*with_keys, *(row.project_id for row in entries)})
    if not lost:
        return
    rows = await attachments.detach_person(user_id, tenant_id, list(lost), await ctx.now())
    for place in {(row.allocation_id, row.tenant_id, row.project_id) for row in rows}:
        await tell(ctx, *place)
    for row in entries:
        if row.project_id in lost:
            fact = EntryEnded(allocation_id=row.allocation_id, user_id=user_id)
            await ctx.emit(fact, version=1, tenant_id=tenant_id, project_id=row.project_id)


async def _lost(ctx: Context, user_id: UUID, tenant_id: UUID, project_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the projects where the person may not log in now."""
    stays = [(user_id, tenant_id, project_id) for project_id in project_ids]
    return {project_id for _, _, project_id in await auth.without_permission(ctx, Permission.TERMINAL_OPEN, stays)}
