"""Answers: a whole page, one block of it, or a redirect that htmx understands too."""

import msgspec
from jinja2 import Environment
from litestar import Response

from app.shared.clock import process_now
from app.shared.context import Context
from app.shared.ids import new_id
from app.web.shell import Shell
from app.web.templating import LayoutContext, layout_context, render_block


def html(content: str, status: int = 200, headers: dict[str, str] | None = None) -> Response[str]:
    """An HTML answer that no cache keeps: pages show one person's money."""
    merged = {"cache-control": "no-store", "vary": "hx-request", **(headers or {})}
    return Response(content, status_code=status, media_type="text/html", headers=merged)


async def layout_of(ctx: Context) -> dict[str, object]:
    """The globals of every template for this request."""
    web = ctx.web
    if web is None:
        raise RuntimeError("a page can only be rendered for a request")
    build = ctx.runtime.build_shell
    shell = await build(ctx) if build else Shell(csrf_token=web.csrf_token)
    if not isinstance(shell, Shell):
        raise TypeError("build_shell must give a Shell")
    return layout_context(
        LayoutContext(shell=shell, request_path=web.path, now=process_now(), instance=ctx.settings.web.instance)
    ) | {"idempotency_key": lambda: str(new_id())}


def environment_of(ctx: Context) -> Environment:
    """The process's template environment."""
    if ctx.runtime.templates is None:
        raise RuntimeError("this process renders no pages")
    return ctx.runtime.templates


async def page(ctx: Context, template: str, struct: msgspec.Struct, status: int = 200) -> Response[str]:
    """Render `template` with `page=struct`."""
    source = environment_of(ctx).get_template(template)
    return html(source.render(page=struct, **await layout_of(ctx)), status)


async def fragment(ctx: Context, template: str, block: str, struct: msgspec.Struct, status: int = 200) -> Response[str]:
    """Render one block of `template` with the same page struct: what htmx swaps in."""
    content = render_block(environment_of(ctx), template, block, page=struct, **await layout_of(ctx))
    return html(content, status)


def redirect(ctx: Context, location: str) -> Response[str]:
    """Go there after a change. htmx cannot follow a 303 to another origin, so it gets its own header."""
    if ctx.web is not None and ctx.web.is_htmx:
        return Response("", status_code=200, headers={"hx-redirect": location}, media_type="text/html")
    return Response("", status_code=303, headers={"location": location}, media_type="text/html")
