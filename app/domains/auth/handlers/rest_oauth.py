"""The authorization server: metadata (RFC 8414), keys, tokens and revocation.

Errors follow RFC 6749 §5.2; `app.shared.errors.oauth` writes them.
"""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import HeaderParameter

from app.domains.auth.errors import GrantRefused, GrantUnknown
from app.domains.auth.handlers.pages_signin import visit_of
from app.domains.auth.rules.oauth import check_form, check_revocable, client_of, metadata, needed
from app.domains.auth.rules.values import Visit
from app.domains.auth.schemas.forms import RevokeForm, TokenForm, redeem_command
from app.domains.auth.schemas.rest import issued
from app.domains.auth.service import programs, tokens
from app.domains.auth.service.programs import ProgramTokens, RefreshAccess
from app.domains.auth.service.tokens import TokenRequest
from app.shared.context import Context
from app.web import Contexts, Ctx, Form, public
from app.web.limits import REVOKE, TOKEN, TOKEN_FAILURES, failures
from app.web.types import AnyRequest

UNCACHED = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 §5.1
CACHED_BRIEFLY = {"cache-control": "public, max-age=300"}
Authorization = Annotated[str | None, HeaderParameter(name="authorization", description="HTTP Basic")]


@get(
    "/.well-known/oauth-authorization-server",
    opt=public("what a program must know to sign in"),
    include_in_schema=False,
)
async def server_metadata(ctx: Ctx) -> Response[dict[str, object]]:
    """RFC 8414: endpoints, grant types, and client authentication."""
    return Response(metadata(ctx.settings.web.public_url), headers=CACHED_BRIEFLY)


@get("/.well-known/jwks.json", opt=public("public keys"), include_in_schema=False)
async def jwks(ctx: Ctx) -> Response[dict[str, list[dict[str, object]]]]:
    """The keys that verify our tokens (RFC 7517)."""
    return Response(await tokens.public_keys(ctx), headers=CACHED_BRIEFLY)


@post(
    "/oauth/token",
    opt=public("client credentials, a code or a refresh token prove the caller", rate=TOKEN, same_origin=False),
    status_code=200,
)
async def token(
    request: AnyRequest,
    contexts: Contexts,
    data: Form[TokenForm],
    authorization: Authorization = None,
) -> Response[dict[str, object]]:
    """RFC 6749: client credentials of a service account, or a sign-in of the command line, for a bearer token."""
    check_form(await request.body(), data.scope)
    client_id, secret = client_of(authorization, data.client_id, data.client_secret)
    async with failures(request, TOKEN_FAILURES, client_id):
        async with contexts() as ctx:
            if data.grant_type == "client_credentials":
                body = issued(await tokens.issue_token(ctx, TokenRequest(client_id=client_id, client_secret=secret)))
            else:
                body = issued(await program_tokens(ctx, data, visit_of(request)))
        if body is None:
            raise GrantRefused()
    return Response(body, headers=UNCACHED)


async def program_tokens(ctx: Context, data: TokenForm, visit: Visit) -> ProgramTokens | None:
    """Tokens for the command line; None when its code or refresh token is refused, so that the refusal follows the
    commit."""
    if data.grant_type == "refresh_token":
        needed(client_id=data.client_id, refresh_token=data.refresh_token)
        command = RefreshAccess(client_id=data.client_id, refresh_token=data.refresh_token)
        return await programs.refresh(ctx, command)
    if data.grant_type == "authorization_code":
        needed(client_id=data.client_id, code=data.code)
        return await programs.redeem(ctx, redeem_command(data, visit))
    needed(grant_type=data.grant_type)
    raise GrantUnknown()


@post(
    "/oauth/revoke",
    opt=public("whoever holds a refresh token may end it", rate=REVOKE, same_origin=False),
    status_code=200,
)
async def revoke_token(request: AnyRequest, ctx: Ctx, data: Form[RevokeForm]) -> Response[dict[str, object]]:
    """RFC 7009: end a sign-in of the command line. An unknown token gets the same response."""
    check_form(await request.body(), "")
    needed(token=data.token)
    check_revocable(data.token)
    await programs.revoke(ctx, data.token)
    return Response({}, headers=UNCACHED)


ROUTES = [server_metadata, jwks, token, revoke_token]
