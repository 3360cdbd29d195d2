"""Search and jump: every page, every action and every named thing that the person may open, by a few letters.

The palette (Ctrl/Cmd K) shows what `/search` answers; without scripts it is a page of its own. Which things exist is
said by the domains (`Domain.search`); what a person may not open is not found.
"""

from collections.abc import Iterator, Sequence

import msgspec
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from app.portal.shell import navigation
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.manifest import Found, NavEntry
from app.web import Ctx, fragment, page, requires
from app.web.query import Text

MAX_RESULTS = 8  # things of one kind
WORDS = {"portal": "Page", "operator": "Operator", "settings": "Settings", "action": "Action"}


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, and what was found: the best match first."""

    query: str
    found: tuple[Found, ...]


async def find(ctx: Context, query: str) -> SearchPage:
    """Everything that holds all words of `query`; without words, the pages and actions."""
    words = query.lower().split()
    places = [found for found in _pages(ctx) if all(word in found.label.lower() for word in words)]
    places.sort(key=lambda found: not found.label.lower().startswith(words[0] if words else ""))
    return SearchPage(query=query, found=(*places, *(await _objects(ctx, query.strip()) if words else ())))


def _pages(ctx: Context) -> Iterator[Found]:
    for entry in navigation():
        if entry.console in WORDS and _may_open(ctx, entry):
            yield Found(label=entry.label, href=entry.href, icon=entry.icon, kind=WORDS[entry.console])


def _may_open(ctx: Context, entry: NavEntry) -> bool:
    is_customers = entry.console != "operator"
    return may(ctx.actor, entry.permission) and (ctx.actor.tenant_id is not None or not is_customers)


async def _objects(ctx: Context, query: str) -> Sequence[Found]:
    from app.registry import DOMAINS

    found: list[Found] = []
    for domain in DOMAINS:
        if domain.search is not None:
            found += (await domain.search(ctx, query))[:MAX_RESULTS]
    return found


@get("/search", opt=requires(Permission.PROFILE))
async def search(ctx: Ctx, q: Text = "") -> Response[str]:
    """The page; for the palette only its results."""
    struct = await find(ctx, q)
    if ctx.web is not None and ctx.web.is_htmx:
        return await fragment(ctx, "search/options.html", "results", struct)
    return await page(ctx, "search/index.html", struct)


SEARCH_ROUTES: list[ControllerRouterHandler] = [search]
