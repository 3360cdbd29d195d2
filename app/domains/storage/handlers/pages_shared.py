"""Public links: a redirect to the file, or the page that says why not."""

from litestar import Response, get

from app.domains.storage.service import links
from app.web import Ctx, public, redirect
from app.web.query import LongText


@get(links.PATH, opt=public("a link works for whoever has it", viewing=True))
async def shared(ctx: Ctx, key: LongText = "") -> Response[str]:
    """Redirect to the bytes, as an attachment."""
    answer = redirect(ctx, await links.follow(ctx, key))
    answer.headers["referrer-policy"] = "no-referrer"
    answer.headers["cache-control"] = "no-store"
    return answer


ROUTES = [shared]
