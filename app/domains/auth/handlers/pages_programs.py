"""The consent page of the command line (RFC 6749 §4.1, RFC 8252)."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import QueryParameter

from app.domains.auth.errors import AuthorizationRefused
from app.domains.auth.handlers.options import PROFILE
from app.domains.auth.policies import PROGRAM_DAYS
from app.domains.auth.rules.claims import OPAQUE
from app.domains.auth.schemas.forms import AuthorizeForm
from app.domains.auth.schemas.pages import AuthorizePage
from app.domains.auth.service import programs
from app.web import Ctx, Form, page
from app.web.types import AnyRequest

Text = Annotated[str, QueryParameter(max_length=300)]
ClientState = Annotated[str, QueryParameter(name="state", max_length=OPAQUE)]  # the program's own value


@get("/oauth/authorize", opt=PROFILE)
async def authorize_page(
    request: AnyRequest,
    ctx: Ctx,
    client_id: Text = "",
    redirect_uri: Text = "",
    code_challenge: Text = "",
    code_challenge_method: Text = "",
    response_type: Text = "",
    asked_state: ClientState = "",
) -> Response[str]:
    """Shows which program asks to act for whom, and in which project. Grants nothing."""
    form = AuthorizeForm(
        client_id=client_id, redirect_uri=redirect_uri, code_challenge=code_challenge,
        code_challenge_method=code_challenge_method, state=asked_state,
    )  # fmt: skip
    programs.check_request(form.command())
    if response_type != "code":
        raise AuthorizationRefused("The program asked for a response type other than a code.")
    request.state.csp_form_target = redirect_uri.removesuffix("/callback")
    names, days = await programs.workspace_names(ctx), await ctx.policy(PROGRAM_DAYS, ctx.actor.tenant_id)
    deny = programs.answer_address(redirect_uri, ctx.settings.web.public_url, asked_state, error="access_denied")
    return await page(ctx, "auth/authorize.html", AuthorizePage.of(form, names, deny, days))


@post("/oauth/authorize", opt=PROFILE)
async def authorize(
    request: AnyRequest,
    ctx: Ctx,
    data: Form[AuthorizeForm],
) -> Response[str]:
    """Grant access: the browser carries a code, valid once and for one minute, to the waiting command line."""
    granted = await programs.grant(ctx, data.command())
    code = await programs.code_of(ctx, granted)
    location = programs.answer_address(granted.redirect_uri, ctx.settings.web.public_url, data.state, code=code)
    headers = {"location": location, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Response("", status_code=303, headers=headers, media_type="text/html")


ROUTES = [authorize_page, authorize]
