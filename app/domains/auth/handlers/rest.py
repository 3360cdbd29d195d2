"""Identity for programs: tokens, keys, who am I."""

import base64
import binascii
from typing import Annotated

from litestar import Request, Response, get, post
from litestar.params import HeaderParameter

from app.context import Context
from app.domains.auth.contracts import (
    ProgramTokens,
    RefreshAccess,
    TokenRequest,
    Visit,
)
from app.domains.auth.errors import ClientRefused, GrantRefused
from app.domains.auth.schemas import (
    MeAnswer,
    RevokeForm,
    TokenForm,
    issued,
    redeem_command,
)
from app.domains.auth.service import programs, tokens
from app.domains.auth.service.entrance import visit_of
from app.shared.authz import Permission
from app.shared.errors import ValidationFailed
from app.shared.web import LOGIN, Contexts, Ctx, Form, public, requires

AuthorizationHeader = Annotated[str | None, HeaderParameter(name="authorization", default=None)]


@get("/.well-known/jwks.json", opt=public("public keys"), include_in_schema=False)
async def jwks(ctx: Ctx) -> dict[str, list[dict[str, object]]]:
    """The keys that verify our tokens (RFC 7517)."""
    return await tokens.public_keys(ctx)


@post(
    "/oauth/token",
    opt=public("client credentials, a code or a refresh token prove the caller", rate=LOGIN, same_origin=False),
    status_code=200,
)
async def token(request: Request, contexts: Contexts, data: Form[TokenForm]) -> Response[dict[str, object]]:  # type: ignore[type-arg]
    """RFC 6749: client credentials of a service account, or a sign-in of the command line, for a bearer token."""
    async with contexts() as ctx:
        if data.grant_type == "client_credentials":
            client_id, secret = _client(request.headers.get("authorization"), data)
            body = issued(await tokens.issue_token(ctx, TokenRequest(client_id=client_id, client_secret=secret)))
        else:
            body = issued(await program_tokens(ctx, data, visit_of(request)))
    if body is None:
        raise GrantRefused()
    return Response(body, headers={"cache-control": "no-store"})


async def program_tokens(ctx: Context, data: TokenForm, visit: Visit) -> ProgramTokens | None:
    """What the command line gets; None when its code or refresh token is refused, to be told after the commit."""
    if data.grant_type == "refresh_token":
        command = RefreshAccess(client_id=data.client_id, refresh_token=data.refresh_token)
        return await programs.refresh(ctx, command)
    if data.grant_type == "authorization_code":
        return await programs.redeem(ctx, redeem_command(data, visit))
    raise ValidationFailed(fields={"grant_type": "must be client_credentials, authorization_code or refresh_token"})


@post(
    "/oauth/revoke",
    opt=public("whoever holds a refresh token may end it", rate=LOGIN, same_origin=False),
    status_code=200,
)
async def revoke_token(ctx: Ctx, data: Form[RevokeForm]) -> Response[dict[str, object]]:
    """RFC 7009: end a sign-in of the command line. An unknown token is answered alike."""
    await programs.revoke(ctx, data.token)
    return Response({}, headers={"cache-control": "no-store"})


def _client(header: str | None, data: TokenForm) -> tuple[str, str]:
    if not header or not header.lower().startswith("basic "):
        return data.client_id, data.client_secret
    try:
        client_id, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ClientRefused() from error
    return client_id, secret


@get("/api/v1/me", opt=requires(Permission.PROFILE))
async def me(ctx: Ctx) -> MeAnswer:
    """Who this request comes from, where they stand and with which roles."""
    actor, place = ctx.actor, await programs.asked(ctx)
    return MeAnswer(
        kind=actor.kind.value,
        id=actor.id,
        tenant_id=actor.tenant_id,
        project_id=actor.project_id,
        roles=actor.role_names,
        name=actor.name,
        tenant=place.tenant_name,
        project=place.project_name,
    )


ROUTES = [jwks, token, revoke_token, me]
