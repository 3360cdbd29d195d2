"""A person's SSH keys for programs."""

from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from app.domains.releases.contracts import AddKey, KeyChanged, RenameKey, RevokeKey
from app.domains.releases.handlers.options import SSH_KEY_MANAGE
from app.domains.releases.schemas import KeyAnswer, KeyBody, KeysAnswer, RenameBody, key_answer, keys_answer
from app.domains.releases.service import keys
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, Limit


@get("/ssh-keys", opt=SSH_KEY_MANAGE)
async def list_ssh_keys(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> KeysAnswer:
    """One's own public keys, oldest first."""
    return keys_answer(await keys.list_keys(ctx), cursor, limit)


@post("/ssh-keys", opt=SSH_KEY_MANAGE)
async def add_ssh_key(ctx: Ctx, data: Json[KeyBody]) -> Response[KeyAnswer]:
    """Register a public key: Ed25519, ECDSA, RSA of enough bits, or one in a security key."""
    changed = await keys.add_key(ctx, AddKey(name=data.name, public_key=data.public_key))
    key = await keys.get_key(ctx, changed.key_id)
    return tagged(key_answer(key), key.version, 201)


@get("/ssh-keys/{key_id:uuid}", opt=SSH_KEY_MANAGE)
async def get_ssh_key(ctx: Ctx, key_id: FromPath[UUID]) -> Response[KeyAnswer]:
    """One of one's own keys."""
    key = await keys.get_key(ctx, key_id)
    return tagged(key_answer(key), key.version)


@patch("/ssh-keys/{key_id:uuid}", opt=SSH_KEY_MANAGE)
async def rename_ssh_key(
    ctx: Ctx, key_id: FromPath[UUID], data: Json[RenameBody], if_match: IfMatch = None
) -> Response[KeyAnswer]:
    """Give a key another name."""
    command = RenameKey(key_id=key_id, name=data.name, seen=seen_version(if_match))
    await keys.rename_key(ctx, command)
    key = await keys.get_key(ctx, key_id)
    return tagged(key_answer(key), key.version)


@delete("/ssh-keys/{key_id:uuid}", opt=SSH_KEY_MANAGE, status_code=200)
async def revoke_ssh_key(ctx: Ctx, key_id: FromPath[UUID]) -> KeyChanged:
    """Revoke a key: within seconds it opens no machine any more, and sessions made with it end."""
    return await keys.revoke_key(ctx, RevokeKey(key_id=key_id))


ROUTES = [list_ssh_keys, add_ssh_key, get_ssh_key, rename_ssh_key, revoke_ssh_key]
