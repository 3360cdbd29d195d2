"""Public links: an address that gives one file to whoever has it, until it ends.

Every use is checked: a link ends when it expires or is revoked, when the file is deleted, or when its creator loses the
right to share. The browser is then redirected to an address of the store that is valid for seconds. The key in the
address is the authenticated id of the link; it is not stored.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.storage import policies
from app.domains.storage.errors import LinkEnded
from app.domains.storage.repository import LinkRepository, SweepRepository
from app.domains.storage.repository.links import LinkView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.service import views
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import MESSAGES, Claim, Ended
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.crypto import authenticate, same
from app.shared.errors import NotFound, ValidationFailed
from app.shared.ids import new_id
from app.shared.use_case import use_case


class ShareObject(msgspec.Struct, frozen=True, kw_only=True):
    """Create a link that works for `hours`."""

    object_id: UUID
    hours: int


class RevokeLink(msgspec.Struct, frozen=True, kw_only=True):
    """Revoke a link to a file."""

    object_id: UUID
    link_id: UUID


PATH = "/shared"
PURPOSE = "storage.links"
KEY_BYTES = 16 + 32


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    link_id: UUID
    object_id: UUID


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_SHARE, lambda command, _r: command.object_id)
async def share(ctx: Context, command: ShareObject) -> Shared:
    """Create a link; needs the right to write. Raises NotFound, ValidationFailed, RightEnded."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    maximum = await ctx.policy(policies.LINK_HOURS, scope.tenant_id, scope.project_id)
    if not 1 <= command.hours <= maximum:
        raise ValidationFailed(fields={"hours": f"A link may work for 1 to {maximum} hours"})
    file = await views.get_object(ctx, command.object_id)
    if ctx.actor.id is not None:
        await auth.check_right(ctx, _claim(ctx.actor.id, scope.tenant_id, scope.project_id))
    now = await ctx.now()
    link = LinkView(
        id=new_id(),
        object_id=file.id,
        created_by=ctx.actor.id,
        created_at=now,
        expires_at=now + timedelta(hours=command.hours),
    )
    await LinkRepository(ctx.session).append(scope, link)
    ctx.explain(hours=command.hours, link_id=str(link.id))
    return Shared(link_id=link.id, object_id=file.id)


async def address(ctx: Context, shared: Shared) -> tuple[LinkView, str]:
    """The link and its address. Raises NotFound when it has expired."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    link = await LinkRepository(ctx.session).get_in(scope, shared.link_id)
    if link.expires_at <= await ctx.now():
        raise NotFound()
    mac = authenticate(ctx.settings.web.secret_key, link.id.bytes, PURPOSE)
    key = urlsafe_b64encode(link.id.bytes + mac).decode()
    return link, f"{ctx.settings.web.public_url}{PATH}?key={key}"


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_LINK_REVOKE, lambda command, _r: command.object_id)
async def revoke(ctx: Context, command: RevokeLink) -> Shared:
    """Revoke a link, whoever created it. Safe to repeat. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    link = await LinkRepository(ctx.session).get_in(scope, command.link_id)
    if link.object_id != command.object_id:
        raise NotFound()
    await LinkRepository(ctx.session).end(link.id, "revoked", ctx.actor.id, await ctx.now())
    ctx.explain(link_id=str(link.id))
    return Shared(link_id=link.id, object_id=link.object_id)


async def follow(ctx: Context, key: str) -> str:
    """An address of the file that is valid for seconds. Raises NotFound for an invalid key, LinkEnded with the
    reason."""
    link_id = _read(ctx, key)
    found = await LinkRepository(ctx.session).find(link_id) if link_id else None
    if found is None:
        raise NotFound()
    if found.ended_code or found.link.expires_at <= await ctx.now():
        raise LinkEnded("This link was revoked." if found.ended_code else "This link has expired.")
    file = await SweepRepository(ctx.session).find_object(found.link.object_id)
    if file is None or file.state != "visible":
        raise LinkEnded("The file behind this link was deleted.")
    if await creator_rights_ended(ctx, found.link, file) is not None:
        raise LinkEnded("The person who created this link can no longer share this file.")
    return views.download_url(ctx, file)


def _read(ctx: Context, key: str) -> UUID | None:
    try:
        raw = urlsafe_b64decode(key)
    except ValueError:
        return None
    mac = authenticate(ctx.settings.web.secret_key, raw[:16], PURPOSE)
    return UUID(bytes=raw[:16]) if len(raw) == KEY_BYTES and same(raw[16:], mac) else None


async def creator_rights_ended(ctx: Context, link: LinkView, file: ObjectView) -> Ended | None:
    """Why the creator could not create the link now; None when they could."""
    if link.created_by is None:
        return Ended("unsponsored")
    claim = _claim(link.created_by, file.tenant_id, file.project_id)
    return (await auth.rights_ended(ctx, [claim])).get(claim)


def _claim(creator: UUID, tenant_id: UUID, project_id: UUID) -> Claim:
    return Claim(principal_id=creator, permission=Permission.STORAGE_WRITE, tenant_id=tenant_id, project_id=project_id)


async def withdraw(runtime: Runtime) -> int:
    """End the links whose creators lost the right to create them. Returns how many. Links of a suspended organisation
    do not work while it is suspended, and are kept."""
    async with runtime.context(SYSTEM) as ctx:
        repository, now = LinkRepository(ctx.session), await ctx.now()
        creators = {
            _claim(row.created_by, row.tenant_id, row.project_id) for row in await repository.list_creators(now)
        }
        ended = await auth.rights_ended(ctx, creators)

    async def end(claim: Claim) -> int:
        code = ended[claim].code
        async with runtime.context(SYSTEM) as ctx:
            lost = await LinkRepository(ctx.session).end_of(claim, code, await ctx.now())
            if lost:
                ctx.about(claim.tenant_id)
                ctx.explain(why=code, words=MESSAGES[code], links=sorted(str(one) for one in lost))
                await ctx.audit(AuditAction.STORAGE_LINK_END, claim.principal_id)
        return len(lost)

    lost = [claim for claim, why in ended.items() if why.code != "organisation_suspended"]
    return await one_by_one(lost, end, "links could not be ended")


async def list_live(ctx: Context, object_id: UUID) -> list[LinkView]:
    """The working links to a file. Raises NotFound."""
    file = await views.get_object(ctx, object_id)
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    return await LinkRepository(ctx.session).list_live(scope, file.id, await ctx.now())
