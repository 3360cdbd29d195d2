"""Signed access tokens (RFC 9068) of service accounts and the command line, and the keys that sign them.

The algorithm is fixed (Ed25519, RFC 9864); input that is not canonical base64url is refused before parsing (RFC 8725).
"""

import re
from datetime import timedelta
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from app.domains.auth.errors import ClientRefused, TokenInvalid
from app.domains.auth.policies import TOKEN_SECONDS
from app.domains.auth.repository import AuthRepository, TokenRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.service import rights
from app.domains.auth.service.program_sessions import actor_of_program
from app.domains.auth.service.session_cache import TOKEN, session_tag
from app.domains.auth.service.sessions import read_bindings
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import Claim, Ended, claim_of_sponsor
from app.shared.context import Context, Runtime
from app.shared.crypto import digest, same, unwrap, wrap
from app.shared.ids import new_id
from app.shared.readcache import ReadCache

AUDIENCE = "berth-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
ALGORITHM = "Ed25519"
PURPOSE = "auth.signing_keys"
MAX_TOKEN = 4096
CANONICAL = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str
    client_secret: str


class TokenIssued(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §5.1."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the type's name, not a token


async def issue_token(ctx: Context, command: TokenRequest) -> TokenIssued:
    """Exchange client credentials for an access token. Raises ClientRefused, which never says what was wrong."""
    repository = TokenRepository(ctx.session)
    try:
        credential_id = UUID(command.client_id)
    except ValueError as error:
        raise ClientRefused() from error
    row = await repository.find_credential(credential_id)
    if row is None or not same(bytes(row.secret_hash), digest(command.client_secret)):
        raise _refused(credential_id, row.tenant_id if row is not None else None)
    ended = await program_ended(ctx, row.service_account_id, row)
    if ended is not None:
        raise _refused(credential_id, row.tenant_id, ended.message)
    seconds = await ctx.policy(TOKEN_SECONDS, row.tenant_id)
    now, token_id = await ctx.now(), new_id()
    await repository.append_token(
        token_id, credential_id, row.service_account_id, now, now + timedelta(seconds=seconds)
    )
    account = Actor(
        kind=ActorKind.SERVICE_ACCOUNT,
        id=row.service_account_id,
        tenant_id=row.tenant_id,
        bindings=await read_bindings(AuthRepository(ctx.session), row.service_account_id),
    )
    await ctx.audit(AuditAction.TOKEN_ISSUE, credential_id, {"token_id": str(token_id)}, by=account)
    claims = {"sub": str(row.service_account_id), "jti": str(token_id), "client_id": command.client_id}
    return TokenIssued(access_token=await signed_token(ctx, claims, seconds), expires_in=seconds)


async def program_ended(ctx: Context, account_id: UUID, row: AnyRow) -> Ended | None:
    """Why a service account may not act, or None. Its credential is also invalid once the person who created it, and so
    knows the secret, may no longer create one."""
    maker = claim_of_sponsor(row.created_by, Permission.SERVICE_ACCOUNT_MANAGE, row.tenant_id)
    own = Claim(
        principal_id=account_id, permission=Permission.PROFILE, tenant_id=row.tenant_id, project_id=row.project_id
    )
    ended = await rights.endings(ctx, [own, maker] if maker else [own])
    if own in ended:
        return ended[own]
    return Ended("unsponsored") if maker is None or maker in ended else None


def _refused(credential_id: UUID, tenant_id: UUID | None, message: str | None = None) -> ClientRefused:
    """The refusal, with what the audit log may record: an id of ours, never the client's input."""
    refusal = ClientRefused(message)
    refusal.refused = (AuditAction.TOKEN_ISSUE, "credential", str(credential_id))
    refusal.about_tenant = tenant_id
    return refusal


async def signed_token(ctx: Context, claims: dict[str, str], seconds: int) -> str:
    """A signed access token (RFC 9068) with these claims and the standard ones."""
    key, now = await signing_key(ctx), int((await ctx.now()).timestamp())
    ours = {"iss": ctx.settings.web.public_url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + seconds}
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
    return jwt.encode(header, {**claims, **ours}, key, algorithms=[ALGORITHM])


async def signing_key(ctx: Context) -> OKPKey:
    """The newest key that is not retired; created on first use."""
    repository = TokenRepository(ctx.session)
    secret_key = ctx.settings.web.secret_key
    for locked in (False, True):
        if locked:
            await repository.lock_keys()
        for row in await repository.list_keys():
            if row.retired_at is None:
                private = unwrap(secret_key, bytes(row.wrapped_private), PURPOSE)
                return OKPKey.import_key(msgspec.json.decode(private))
    key_id = new_id()
    key = OKPKey.generate_key("Ed25519", {"kid": str(key_id), "use": "sig", "alg": ALGORITHM})
    private = msgspec.json.encode(key.as_dict(private=True))
    await repository.append_key(
        key_id, dict(key.as_dict(private=False)), wrap(secret_key, private, PURPOSE), await ctx.now()
    )
    return key


async def public_keys(ctx: Context) -> dict[str, list[dict[str, object]]]:
    """The JWKS document (RFC 7517): active keys and recently retired ones."""
    await signing_key(ctx)
    rows = await TokenRepository(ctx.session).list_keys()
    return {"keys": [row.public_jwk for row in rows]}


async def actor_of_bearer(runtime: Runtime, token: str) -> Actor:
    """The actor of an access token: a service account, or a person at the command line. Raises TokenInvalid."""
    if len(token) > MAX_TOKEN or not CANONICAL.match(token):
        raise TokenInvalid()

    async def load() -> Actor:
        async with runtime.context(SYSTEM) as ctx:
            return await _verified(ctx, token)

    token_hash = digest(token)
    return await runtime.part(ReadCache).read(TOKEN, token_hash.hex(), (session_tag(token_hash),), load)


async def _verified(ctx: Context, token: str) -> Actor:
    now = await ctx.now()
    keys = KeySet.import_key_set(await public_keys(ctx))  # type: ignore[arg-type]  # the JWKS shape
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        iss={"essential": True, "value": ctx.settings.web.public_url},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        nbf={"essential": True},
        jti={"essential": True},
    )
    try:
        decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
        if decoded.header.get("typ") != TOKEN_TYPE:
            raise TokenInvalid()
        registry.validate(decoded.claims)
        token_id = UUID(str(decoded.claims["jti"]))
        program = UUID(str(decoded.claims["sid"])) if "sid" in decoded.claims else None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise TokenInvalid() from error
    if program is not None:
        return await actor_of_program(ctx, program)
    row = await TokenRepository(ctx.session).find_live_token(token_id, now)
    if row is None:
        raise TokenInvalid()
    ended = await program_ended(ctx, row.account_id, row)
    if ended is not None:
        raise TokenInvalid(ended.message)
    return Actor(
        kind=ActorKind.SERVICE_ACCOUNT,
        id=row.account_id,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
        bindings=await read_bindings(AuthRepository(ctx.session), row.account_id),
        session_id=row.id,
        name=row.name,
    )
