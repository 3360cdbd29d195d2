"""Developers: the API's reference, the events, the errors. Made from the code; nothing is loaded from elsewhere."""

from functools import lru_cache

import msgspec
from litestar import Litestar, Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from app.shared.authz import Permission
from app.shared.authz.permissions import PLATFORM_ROLES
from app.shared.context import Context
from app.shared.errors import DomainError, NotFound
from app.shared.events.catalogue import EventEntry, entries
from app.shared.manifest import NavEntry
from app.web import Ctx, page, requires
from app.web.openapi.document import described
from app.web.reference import Chapter, chapters
from app.web.types import AnyRequest

READ = requires(Permission.PROFILE)
NAVIGATION = (
    NavEntry(
        label="Developers", href="/developers", icon="developers", permission=Permission.PROFILE, order=90, jump="d"
    ),
)


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One code of the catalogue."""

    code: str
    status: int
    retryable: bool
    title: str


class DevelopersPage(msgspec.Struct, frozen=True, kw_only=True):
    """The way in."""

    chapters: tuple[Chapter, ...]
    events: int
    errors: int


class ChapterPage(msgspec.Struct, frozen=True, kw_only=True):
    """One chapter of the reference."""

    chapter: Chapter
    chapters: tuple[Chapter, ...]


class EventsPage(msgspec.Struct, frozen=True, kw_only=True):
    events: tuple[EventEntry, ...]


class ErrorsPage(msgspec.Struct, frozen=True, kw_only=True):
    errors: tuple[ErrorRow, ...]


@lru_cache(maxsize=2)
def _all_chapters(app: Litestar) -> tuple[Chapter, ...]:
    return chapters(described(app))


def _readable(app: Litestar, ctx: Context) -> tuple[Chapter, ...]:
    """The operators' chapters are shown to operators only."""
    is_operator = any(binding.role in PLATFORM_ROLES for binding in ctx.actor.bindings)
    return tuple(chapter for chapter in _all_chapters(app.asgi_router.app) if is_operator or not chapter.is_operators)


def _events() -> tuple[EventEntry, ...]:
    from app.registry import DOMAINS

    return tuple(entries(DOMAINS))


def _errors() -> tuple[ErrorRow, ...]:
    found = sorted(DomainError.catalogue().values(), key=lambda cls: (cls.status, cls.code))
    return tuple(ErrorRow(code=cls.code, status=cls.status, retryable=cls.retryable, title=cls.title) for cls in found)


@get("/developers", opt=READ)
async def developers(request: AnyRequest, ctx: Ctx) -> Response[str]:
    """What a program can do, and how it signs in."""
    struct = DevelopersPage(chapters=_readable(request.app, ctx), events=len(_events()), errors=len(_errors()))
    return await page(ctx, "developers/index.html", struct)


@get("/developers/api/{name:str}", opt=READ)
async def chapter(request: AnyRequest, ctx: Ctx, name: FromPath[str]) -> Response[str]:
    """The operations of one kind of thing."""
    readable = _readable(request.app, ctx)
    found = next((item for item in readable if item.name == name), None)
    if found is None:
        raise NotFound()
    return await page(ctx, "developers/chapter.html", ChapterPage(chapter=found, chapters=readable))


@get("/developers/events", opt=READ)
async def events(ctx: Ctx) -> Response[str]:
    """Every fact that can be listened to."""
    return await page(ctx, "developers/events.html", EventsPage(events=_events()))


@get("/developers/errors", opt=READ)
async def errors(ctx: Ctx) -> Response[str]:
    """Every code that a refusal may carry."""
    return await page(ctx, "developers/errors.html", ErrorsPage(errors=_errors()))


DEVELOPER_ROUTES: list[ControllerRouterHandler] = [developers, chapter, events, errors]
