"""API of the event feed, by long polling."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from app.domains.notification.handlers.options import PROFILE
from app.domains.notification.schemas.events import FeedAnswer, KindsAnswer
from app.domains.notification.service import feed
from app.web import Contexts, Ctx
from app.web.paging import Limit

FeedCursor = Annotated[
    str | None,
    QueryParameter(description="`next_cursor` of the previous response; `latest` starts now, none at the oldest event"),
]
Wait = Annotated[int, QueryParameter(ge=0, le=25, description="seconds to wait for the next event when there is none")]


@get("/events", opt=PROFILE | {"cursor_words": (feed.LATEST,)})
async def list_events(contexts: Contexts, cursor: FeedCursor = None, limit: Limit = 100, wait: Wait = 0) -> FeedAnswer:
    """List events of your organisation that you may see, oldest first. Continue with `next_cursor`."""
    return FeedAnswer.of(await feed.follow(contexts, cursor, limit, wait))


@get("/events/kinds", opt=PROFILE)
async def list_kinds(ctx: Ctx) -> KindsAnswer:
    """List the kinds of events that the feed and webhooks publish."""
    return KindsAnswer.known()


ROUTES = [list_events, list_kinds]
