"""Links that work for a while for whoever has them: addresses signed by S3's own rules, written down and audited.

The address is made when it is asked for and kept nowhere. It cannot be taken back: it ends with its time, or with the
file.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.context import Context
from app.domains.storage import policies
from app.domains.storage.contracts import LinkView, ShareObject
from app.domains.storage.repository import LinkRepository
from app.domains.storage.service import views
from app.shared.authz import Permission, privileged, project_scope
from app.shared.errors import NotFound, ValidationFailed
from app.shared.ids import new_id


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    link_id: UUID
    object_id: UUID


@privileged(Permission.STORAGE_READ, "storage.object.share", "object", lambda command, _r: command.object_id)
async def share(ctx: Context, command: ShareObject) -> Shared:
    """Write down that a link is given out. Raises NotFound, ValidationFailed."""
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    most = await ctx.policy(policies.LINK_HOURS, scope.tenant_id, scope.project_id)
    if not 1 <= command.hours <= most:
        raise ValidationFailed(fields={"hours": f"A link may work for 1 to {most} hours"})
    thing = await views.get_object(ctx, command.object_id)
    now = await ctx.now()
    link = LinkView(
        id=new_id(),
        object_id=thing.id,
        created_by=ctx.actor.id,
        created_at=now,
        expires_at=now + timedelta(hours=command.hours),
    )
    await LinkRepository(ctx.session).append(scope, link)
    ctx.explain(hours=command.hours, link_id=str(link.id))
    return Shared(link_id=link.id, object_id=thing.id)


async def address(ctx: Context, shared: Shared) -> tuple[LinkView, str]:
    """The link and its address, for what is left of its time. Raises NotFound when nothing is."""
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    link = await LinkRepository(ctx.session).get_in(scope, shared.link_id)
    thing = await views.get_object(ctx, link.object_id)
    left = int((link.expires_at - await ctx.now()).total_seconds())
    if left < 1:
        raise NotFound()
    return link, views.download_url(ctx, thing, left)


async def list_live(ctx: Context, object_id: UUID) -> list[LinkView]:
    """Those that still work. Raises NotFound."""
    thing = await views.get_object(ctx, object_id)
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    return await LinkRepository(ctx.session).list_live(scope, thing.id, await ctx.now())
