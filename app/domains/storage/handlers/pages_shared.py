"""Where a public link leads: on to the file, or to the page that says why not."""

from typing import Annotated

from litestar import Response, get
from litestar.params import QueryParameter

from app.domains.storage.service import links
from app.web import Ctx, public, redirect

Key = Annotated[str, QueryParameter(max_length=200)]


@get(links.PATH, opt=public("a link works for whoever has it", viewing=True), include_in_schema=False)
async def shared(ctx: Ctx, key: Key = "") -> Response[str]:
    """To the bytes, as an attachment."""
    answer = redirect(ctx, await links.follow(ctx, key))
    answer.headers["referrer-policy"] = "no-referrer"
    answer.headers["cache-control"] = "no-store"
    return answer


ROUTES = [shared]
