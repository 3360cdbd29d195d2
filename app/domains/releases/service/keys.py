"""A person's own SSH keys: register, rename, revoke. It refuses weak, broken and private keys with the exact reason.

A revoked key leaves every machine: its attachments become unwanted in the same transaction, and who manages the
machines is told.
"""

from uuid import UUID

from app.domains.releases.contracts import AddKey, KeyChanged, KeyId, KeyView, RenameKey, RevokeKey
from app.domains.releases.errors import KeyRejected, TooManyKeys
from app.domains.releases.events import KeyAdded, KeyRevoked
from app.domains.releases.models import UserSshKey
from app.domains.releases.policies import MAX_KEYS, RSA_BITS
from app.domains.releases.repository import AttachmentRepository, CertificateRepository, KeyRepository
from app.domains.releases.rules.public_keys import KeyRefused, PublicKey, parse_public_key, shown_kind
from app.domains.releases.service.changes import certificates_ended, keys_changed
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import Forbidden, ValidationFailed
from app.shared.ids import new_id
from app.shared.text import checked_name, given, name_fault
from app.shared.use_case import use_case
from app.shared.versions import check_version


def owner_of(ctx: Context) -> UUID:
    """Whose keys the actor may see: their own. Raises Forbidden."""
    require(ctx.actor, Permission.SSH_KEY_MANAGE)
    if ctx.actor.id is None:
        raise Forbidden()
    return ctx.actor.id


async def read_key(ctx: Context, text: str) -> PublicKey:
    """The public key in what somebody sent. Raises KeyRejected."""
    minimum = await ctx.policy(RSA_BITS, ctx.actor.tenant_id, ctx.actor.project_id)
    try:
        return parse_public_key(text, minimum)
    except KeyRefused as error:
        raise KeyRejected(str(error), fields={"public_key": str(error)}) from error


@use_case(
    Permission.SSH_KEY_MANAGE, AuditAction.SSH_KEY_ADD, lambda _command, result: result.key_id if result else None
)
async def add_key(ctx: Context, command: AddKey) -> KeyChanged:
    """Register a public key. Raises KeyRejected, KeyKnown, KeyNameTaken, TooManyKeys, ValidationFailed."""
    owner_id, key = owner_of(ctx), await read_key(ctx, command.public_key)
    name = _name(command.name) if given(command.name) is not None else _suggested(key)
    repository, now = KeyRepository(ctx.session), await ctx.now()
    limit = await ctx.policy(MAX_KEYS, ctx.actor.tenant_id)
    if await repository.count_keys(owner_id) >= limit:
        raise TooManyKeys(f"You have {limit} keys, which is as many as one may have. Revoke one that you do not use.")
    added = await repository.append_key(
        UserSshKey(
            id=KeyId(new_id()),
            owner_id=owner_id,
            name=name,
            algorithm=key.algorithm,
            bits=key.bits,
            public_key=key.line,
            fingerprint=key.fingerprint,
            created_at=now,
        )
    )
    await ctx.emit(KeyAdded(key_id=added.id, user_id=owner_id), version=1, tenant_id=ctx.actor.tenant_id)
    return KeyChanged(key_id=added.id)


@use_case(Permission.SSH_KEY_MANAGE, AuditAction.SSH_KEY_RENAME, lambda command, _result: command.key_id)
async def rename_key(ctx: Context, command: RenameKey) -> KeyChanged:
    """Another name. Raises NotFound, PreconditionFailed, KeyNameTaken, ValidationFailed."""
    repository = KeyRepository(ctx.session)
    key = await repository.get_key(owner_of(ctx), command.key_id, lock=True)
    check_version(key.version, command.seen)
    name = _name(command.name)
    ctx.changed(name=withheld(key.name, name))
    if name != key.name:
        await repository.rename_key(key.id, name)
    return KeyChanged(key_id=key.id)


@use_case(Permission.SSH_KEY_MANAGE, AuditAction.SSH_KEY_REVOKE, lambda command, _result: command.key_id)
async def revoke_key(ctx: Context, command: RevokeKey) -> KeyChanged:
    """From now on it opens nothing; machines forget it, and its certificates, within seconds. Raises NotFound."""
    repository, now = KeyRepository(ctx.session), await ctx.now()
    key = await repository.get_key(owner_of(ctx), command.key_id, lock=True)
    await repository.revoke_key(key.id, now)
    for ended in await AttachmentRepository(ctx.session).detach_key(key.id, now):
        await keys_changed(ctx, ended.allocation_id, ended.tenant_id, ended.project_id)
    for ended in set(await CertificateRepository(ctx.session).end_key(key.owner_id, key.public_key, now)):
        await certificates_ended(ctx, key.owner_id, ended.allocation_id, ended.tenant_id, ended.project_id)
    event = KeyRevoked(key_id=key.id, user_id=key.owner_id)
    await ctx.emit(event, version=key.version + 1, tenant_id=ctx.actor.tenant_id)
    return KeyChanged(key_id=key.id)


async def list_keys(ctx: Context) -> list[KeyView]:
    """The actor's own keys, oldest first."""
    return await KeyRepository(ctx.session).list_keys(owner_of(ctx))


async def get_key(ctx: Context, key_id: UUID) -> KeyView:
    """One of the actor's own keys. Raises NotFound."""
    return await KeyRepository(ctx.session).get_key(owner_of(ctx), key_id)


def _suggested(key: PublicKey) -> str:
    """The comment that the key came with, as it is, or its kind. Raises ValidationFailed when it cannot be a name."""
    fault = name_fault(key.comment) if key.comment else None
    if fault is not None:
        raise ValidationFailed(fields={"name": f"The comment of the key cannot be its name, so give it one. {fault}."})
    return given(key.comment) or shown_kind(key.algorithm, key.bits)


def _name(text: str) -> str:
    return checked_name(text, wanted="Give the key a name of 1 to 100 printable characters.")
