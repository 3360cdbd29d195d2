"""`/_design`: every component in every state; exists in development only."""

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from app.shared.clock import process_now
from app.web.design import sample, sample_shell
from app.web.provide import Ctx
from app.web.respond import environment_of, html, layout_of
from app.web.route import public
from app.web.shell import parse_theme


@get("/_design", opt=public("development only: sample data"), include_in_schema=False)
async def design_page(ctx: Ctx) -> Response[str]:
    """The sample page in the viewer's theme."""
    now = process_now()
    shell = sample_shell(now, parse_theme(ctx.web.theme if ctx.web else None))
    globals_ = await layout_of(ctx) | {"shell": shell, "now": now}
    return html(environment_of(ctx).get_template("design/index.html").render(page=sample(now), **globals_))


DESIGN_ROUTES: list[ControllerRouterHandler] = [design_page]
