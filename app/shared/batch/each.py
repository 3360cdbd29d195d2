"""Runs a function for each item of a sweep. A failure is logged, and the item is found again by the next sweep."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import structlog

from app.shared.db import database_down

T = TypeVar("T")
log = structlog.get_logger("berth.batch")


async def all_or_one_by_one(items: Sequence[T], do: Callable[[Sequence[T]], Awaitable[object]], what: str) -> None:
    """Do `do` for all things at once; when that fails, for each by itself, so that an odd one spoils no set."""
    try:
        await do(items)
    except Exception as error:
        if database_down(error):
            raise
        log.warning("a set is done one by one", about=what, exc_info=error)
        await one_by_one(items, lambda item: do([item]), what)


async def one_by_one(items: Iterable[T], do: Callable[[T], Awaitable[object]], what: str) -> int:
    """Do `do` for each thing; what fails is logged as `what` and left to the next round. Returns how many were done
    (answered something true). A database that is gone ends the round: it is nobody's fault."""
    done = 0
    for item in items:
        try:
            done += bool(await do(item))
        except Exception as error:
            if database_down(error):
                raise
            log.warning(what, about=str(getattr(item, "id", item)), exc_info=error)
    return done
