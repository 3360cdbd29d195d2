"""Public links: an address of ours that leads whoever has it to one file, for a while.

It is asked each time: the link stands until its time ends, somebody takes it back, the file is deleted, or who made it
may not make links any more. Only then the browser is led on, to an address of the store that lives for seconds. The
key in it is the link's id, authenticated; it is kept nowhere.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.storage import policies
from app.domains.storage.contracts import LinkView, ObjectView, RevokeLink, ShareObject
from app.domains.storage.errors import LinkEnded
from app.domains.storage.repository import LinkRepository, SweepRepository
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

PATH = "/shared"
PURPOSE = "storage.links"
KEY_BYTES = 16 + 32


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    link_id: UUID
    object_id: UUID


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_SHARE, lambda command, _r: command.object_id)
async def share(ctx: Context, command: ShareObject) -> Shared:
    """Give out a link: who may only read may not. Raises NotFound, ValidationFailed, RightEnded."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    most = await ctx.policy(policies.LINK_HOURS, scope.tenant_id, scope.project_id)
    if not 1 <= command.hours <= most:
        raise ValidationFailed(fields={"hours": f"A link may work for 1 to {most} hours"})
    thing = await views.get_object(ctx, command.object_id)
    if ctx.actor.id is not None:
        await auth.check_right(ctx, _claim(ctx.actor.id, scope.tenant_id, scope.project_id))
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
    """The link and its address. Raises NotFound when its time is over."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    link = await LinkRepository(ctx.session).get_in(scope, shared.link_id)
    if link.expires_at <= await ctx.now():
        raise NotFound()
    mac = authenticate(ctx.settings.web.secret_key, link.id.bytes, PURPOSE)
    key = urlsafe_b64encode(link.id.bytes + mac).decode()
    return link, f"{ctx.settings.web.public_url}{PATH}?key={key}"


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_LINK_REVOKE, lambda command, _r: command.object_id)
async def revoke(ctx: Context, command: RevokeLink) -> Shared:
    """Take a link back, whoever made it; twice is fine. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    link = await LinkRepository(ctx.session).get_in(scope, command.link_id)
    if link.object_id != command.object_id:
        raise NotFound()
    await LinkRepository(ctx.session).end(link.id, "revoked", ctx.actor.id, await ctx.now())
    ctx.explain(link_id=str(link.id))
    return Shared(link_id=link.id, object_id=link.object_id)


async def follow(ctx: Context, key: str) -> str:
    """Where the file's bytes are, for seconds. Raises NotFound for what never was a link, LinkEnded with the reason."""
    link_id = _read(ctx, key)
    found = await LinkRepository(ctx.session).find(link_id) if link_id else None
    if found is None:
        raise NotFound()
    if found.ended_code or found.link.expires_at <= await ctx.now():
        raise LinkEnded("This link was taken back." if found.ended_code else "The time of this link is over.")
    thing = await SweepRepository(ctx.session).find_object(found.link.object_id)
    if thing is None or thing.state != "visible":
        raise LinkEnded("The file behind this link was deleted.")
    if await makers_ended(ctx, found.link, thing) is not None:
        raise LinkEnded("Who made this link may not share this file any more.")
    return views.download_url(ctx, thing)


def _read(ctx: Context, key: str) -> UUID | None:
    try:
        raw = urlsafe_b64decode(key)
    except ValueError:
        return None
    mac = authenticate(ctx.settings.web.secret_key, raw[:16], PURPOSE)
    return UUID(bytes=raw[:16]) if len(raw) == KEY_BYTES and same(raw[16:], mac) else None


async def makers_ended(ctx: Context, link: LinkView, thing: ObjectView) -> Ended | None:
    """Why whoever made the link could not make it now; None when they could."""
    if link.created_by is None:
        return Ended("unsponsored")
    claim = _claim(link.created_by, thing.tenant_id, thing.project_id)
    return (await auth.rights_ended(ctx, [claim])).get(claim)


def _claim(maker: UUID, tenant_id: UUID, project_id: UUID) -> Claim:
    return Claim(principal_id=maker, permission=Permission.STORAGE_WRITE, tenant_id=tenant_id, project_id=project_id)


async def withdraw(runtime: Runtime) -> int:
    """End for good the links whose makers may make none any more. Returns how many. Those of a suspended organisation
    lead nowhere while it is."""
    async with runtime.context(SYSTEM) as ctx:
        repository, now = LinkRepository(ctx.session), await ctx.now()
        makers = {_claim(row.created_by, row.tenant_id, row.project_id) for row in await repository.list_makers(now)}
        ended = await auth.rights_ended(ctx, makers)

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
    """Those that still work. Raises NotFound."""
    thing = await views.get_object(ctx, object_id)
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    return await LinkRepository(ctx.session).list_live(scope, thing.id, await ctx.now())
