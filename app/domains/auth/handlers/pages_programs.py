"""The page on which a person lets the command line in (RFC 6749 §4.1, RFC 8252)."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import QueryParameter

from app.domains.auth.errors import AuthorizationRefused
from app.domains.auth.policies import PROGRAM_DAYS
from app.domains.auth.rules.claims import OPAQUE
from app.domains.auth.schemas import AuthorizeForm, AuthorizePage
from app.domains.auth.service import programs
from app.shared.authz import Permission
from app.web import Ctx, Form, page, requires
from app.web.types import AnyRequest

Word = Annotated[str, QueryParameter(max_length=300)]
StateWord = Annotated[str, QueryParameter(name="state", max_length=OPAQUE)]  # the program's own


@get("/oauth/authorize", opt=requires(Permission.PROFILE), include_in_schema=False)
async def authorize_page(
    request: AnyRequest,
    ctx: Ctx,
    client_id: Word = "",
    redirect_uri: Word = "",
    code_challenge: Word = "",
    code_challenge_method: Word = "",
    response_type: Word = "",
    asked_state: StateWord = "",
) -> Response[str]:
    """Who asks to act for whom, and where. Grants nothing."""
    form = AuthorizeForm(
        client_id=client_id, redirect_uri=redirect_uri, code_challenge=code_challenge,
        code_challenge_method=code_challenge_method, state=asked_state,
    )  # fmt: skip
    programs.check_request(form.command())
    if response_type != "code":
        raise AuthorizationRefused("The program asked for another answer than a code.")
    request.state.csp_form_target = redirect_uri.removesuffix("/callback")
    place, days = await programs.asked(ctx), await ctx.policy(PROGRAM_DAYS, ctx.actor.tenant_id)
    deny = programs.answer_address(redirect_uri, ctx.settings.web.public_url, asked_state, error="access_denied")
    return await page(ctx, "auth/authorize.html", authorize_struct(form, place, deny, days))


def authorize_struct(form: AuthorizeForm, place: programs.Asked, deny: str, days: int) -> AuthorizePage:
    """The page struct."""
    return AuthorizePage(
        request=form, tenant_name=place.tenant_name, project_name=place.project_name, deny_href=deny, days=days
    )


@post("/oauth/authorize", opt=requires(Permission.PROFILE), include_in_schema=False)
async def authorize(
    request: AnyRequest,
    ctx: Ctx,
    data: Form[AuthorizeForm],
) -> Response[str]:
    """Let it in: the browser takes a code, good for one minute and one use, to the waiting command line."""
    granted = await programs.grant(ctx, data.command())
    code = await programs.code_of(ctx, granted)
    location = programs.answer_address(granted.redirect_uri, ctx.settings.web.public_url, data.state, code=code)
    headers = {"location": location, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Response("", status_code=303, headers=headers, media_type="text/html")


ROUTES = [authorize_page, authorize]
