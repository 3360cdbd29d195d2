"""Settings, Keys: a person's own SSH keys."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.releases.contracts import AddKey, RenameKey, RevokeKey
from app.domains.releases.handlers.options import SSH_KEY_MANAGE
from app.domains.releases.policies import RSA_BITS
from app.domains.releases.schemas import KeyForm, RenameForm, keys_page
from app.domains.releases.service import keys
from app.web import Ctx, Form, page, redirect

PAGE = "/settings/keys"


@get(PAGE, opt=SSH_KEY_MANAGE)
async def ssh_keys_page(ctx: Ctx) -> Response[str]:
    """The list, and the form for another one."""
    minimum = await ctx.policy(RSA_BITS, ctx.actor.tenant_id, ctx.actor.project_id)
    return await page(ctx, "releases/keys.html", keys_page(await keys.list_keys(ctx), minimum))


@post(PAGE, opt=SSH_KEY_MANAGE)
async def add_key(ctx: Ctx, data: Form[KeyForm]) -> Response[str]:
    """Register a key."""
    await keys.add_key(ctx, AddKey(name=data.name, public_key=data.public_key))
    return redirect(ctx, PAGE)


@post("/settings/keys/{key_id:uuid}/rename", opt=SSH_KEY_MANAGE)
async def rename_key(ctx: Ctx, key_id: FromPath[UUID], data: Form[RenameForm]) -> Response[str]:
    """Give a key another name."""
    await keys.rename_key(ctx, RenameKey(key_id=key_id, name=data.name, seen=data.version))
    return redirect(ctx, PAGE)


@post("/settings/keys/{key_id:uuid}/revoke", opt=SSH_KEY_MANAGE)
async def revoke_key(ctx: Ctx, key_id: FromPath[UUID]) -> Response[str]:
    """Revoke a key."""
    await keys.revoke_key(ctx, RevokeKey(key_id=key_id))
    return redirect(ctx, PAGE)


ROUTES = [ssh_keys_page, add_key, rename_key, revoke_key]
