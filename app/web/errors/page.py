"""How an error looks to a person: a whole page, or under htmx an alert that finds its own place and keeps the page."""

import msgspec
from jinja2 import Environment

from app.shared.authz.actor import ANONYMOUS, Actor
from app.shared.authz.permissions import Permission
from app.shared.authz.scope import may
from app.shared.clock import process_now
from app.web.provide import web_info
from app.web.shell import Shell, parse_theme
from app.web.templating import LayoutContext, layout_context
from app.web.types import AnyRequest

NEXT_STEP = {
    403: "Ask an owner of your organisation for the role that allows it.",
    404: "Check the address, or go back to where you came from.",
    409: "Reload the page to see the present state.",
    429: "Wait a moment, then try again.",
    500: "Nothing of yours is lost. Try again; if it stays, write to us with the id below.",
    503: "Try again in a moment. What you typed is still in the form if you go back.",
}


class ErrorPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the error templates show."""

    status: int
    code: str
    title: str
    message: str
    fields: dict[str, str]
    correlation_id: str
    retry_after: int | None
    retryable: bool
    way_back: tuple[str, str] | None


class ShownError(msgspec.Struct, frozen=True, kw_only=True):
    """What errors/*.html get."""

    status: int
    code: str
    title: str
    what: str
    fix: str
    fields: dict[str, str]
    correlation_id: str
    home_href: str = "/"
    home_words: str = "Go to the start"


def render_error_html(environment: Environment, request: AnyRequest, error: ErrorPage) -> tuple[str, dict[str, str]]:
    """The markup and the extra headers that go with it. The frame is bare: the shell may be what failed."""
    fix = NEXT_STEP.get(error.status, "")
    if error.fields:
        fix = " ".join(f"{name}: {text}." for name, text in error.fields.items())
    words, href = error.way_back or ("Go to the start", _home_of(request.scope.get("user")))
    shown = ShownError(
        status=error.status,
        code=error.code,
        title=error.title,
        what=error.message if error.message != error.title else "",
        fix=fix,
        fields=error.fields,
        correlation_id=error.correlation_id,
        home_href=href,
        home_words=words,
    )
    is_htmx = request.headers.get("hx-request") == "true"
    request.scope.setdefault("user", ANONYMOUS)
    info = web_info(request)
    shell = Shell(csrf_token=info.csrf_token, theme=parse_theme(info.theme))
    instance: str = request.app.state.runtime.settings.web.instance
    context = layout_context(
        LayoutContext(shell=shell, request_path=request.url.path, now=process_now(), instance=instance)
    )
    template = "errors/fragment.html" if is_htmx else "errors/error.html"
    return environment.get_template(template).render(error=shown, **context), {}


def _home_of(actor: object) -> str:
    """An operator's pages begin elsewhere; who is in no organisation begins with their invitations."""
    if isinstance(actor, Actor) and actor.id is not None and actor.tenant_id is None:
        return "/admin" if may(actor, Permission.PLATFORM_CONSOLE) else "/invitations"
    return "/"
