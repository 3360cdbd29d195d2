"""Pure decisions about dated prices: where each stands, and how early a new one has to be announced."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domains.inventory.contracts import PriceView
from app.domains.inventory.contracts.catalog import PriceEntry, PriceState
from app.shared.money import RateMicroPerHour


def standing(price: PriceEntry, prices: Sequence[PriceEntry], at: datetime) -> PriceState:
    """Where one of a type's prices stands at `at`. Of each currency one price at most is in force."""
    if price.withdrawn_at is not None:
        return "withdrawn"
    if price.effective_from > at:
        return "announced"
    begun = [
        other
        for other in prices
        if other.currency == price.currency and other.withdrawn_at is None and other.effective_from <= at
    ]
    newest = max(begun, key=lambda other: other.effective_from)
    return "in force" if newest.price_version_id == price.price_version_id else "past"


def is_raise(before: PriceView | None, whole: RateMicroPerHour, gpu: RateMicroPerHour | None) -> bool:
    """Whether customers would pay more than before for the machine or for a GPU of it. A first price is none."""
    if before is None:
        return False
    dearer_gpu = gpu is not None and before.rate_gpu is not None and gpu > before.rate_gpu
    return whole > before.rate_whole or dearer_gpu


def earliest_start(now: datetime, notice: timedelta, *, raises: bool) -> datetime:
    """A higher price begins after the notice; a lower one, or a first one, at once."""
    return now + notice if raises else now
