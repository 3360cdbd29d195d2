"""`/_design`: every component in every state, as a manifest beside the product's domains."""

from functools import lru_cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from litestar import Response, get

from app.shared.clock import process_now
from app.shared.manifest import Domain
from app.web.provide import Ctx
from app.web.respond import environment_of, html, layout_of
from app.web.route import public
from app.web.shell import parse_theme
from devstack.design.sample import sample, sample_shell

TEMPLATE = "design.html"


@lru_cache(maxsize=1)
def with_design(product: Environment) -> Environment:
    """The product's templates, and the page's own."""
    own = FileSystemLoader(Path(__file__).parent)
    return product.overlay(loader=ChoiceLoader([own, *([product.loader] if product.loader else [])]))


@get("/_design", opt=public("development only: sample data"), include_in_schema=False)
async def design_page(ctx: Ctx) -> Response[str]:
    """The sample page in the viewer's theme."""
    now = process_now()
    shell = sample_shell(now, parse_theme(ctx.web.theme if ctx.web else None))
    globals_ = await layout_of(ctx) | {"shell": shell, "now": now}
    source = with_design(environment_of(ctx)).get_template(TEMPLATE)
    return html(source.render(page=sample(now), **globals_))


DESIGN = Domain(name="design", routes=[design_page])
