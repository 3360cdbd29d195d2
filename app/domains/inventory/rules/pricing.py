"""Pure decisions about dated prices: where each stands, how early a new one is announced, how far one person may go."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import NewPrice, PriceView, SkuView
from app.shared.formats import money
from app.shared.money import RateMicroPerHour


class PlanPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price from `effective_from` on (None: as soon as policy allows)."""

    sku_code: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    currency: str = "USD"
    effective_from: datetime | None = None
    reason: str = ""


class PriceEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a price would mean. `rentals` run on the type now and keep theirs; the new one counts for what is
    rented from `effective_from` on. `beyond_alone` says why a second person is needed, None when one is enough."""

    sku_code: str
    currency: str
    effective_from: datetime
    current_whole: RateMicroPerHour | None
    current_gpu: RateMicroPerHour | None
    new_whole: RateMicroPerHour
    new_gpu: RateMicroPerHour | None
    whole_difference: int | None
    gpu_difference: int | None
    machines: int
    free_machines: int
    rentals: int
    beyond_alone: str | None


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A dated price as an operator sees it."""

    price_version_id: UUID
    sku_id: UUID
    currency: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    effective_from: datetime
    announced_at: datetime
    announced_by: UUID | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None
    seconded_by: UUID | None = None  # the second person, where it took two


PriceState = Literal["past", "in force", "announced", "withdrawn"]


CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)  # ISO 4217
FURTHEST = timedelta(days=366)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a price may be at all (`least`, `most`), and how far one person may go from the price that was in force
    before `window`, or that two people set since."""

    minimum: int
    maximum: int
    drop_percent: int
    rise_percent: int
    window: timedelta


def standing(price: PriceEntry, prices: Sequence[PriceEntry], at: datetime) -> PriceState:
    """Where one of a type's prices stands at `at`. Of each currency one price at most is in force."""
    if price.withdrawn_at is not None:
        return "withdrawn"
    if price.effective_from > at:
        return "announced"
    newest = in_force(prices, price.currency, at)
    return "in force" if newest and newest.price_version_id == price.price_version_id else "past"


def in_force(prices: Sequence[PriceEntry], currency: str, at: datetime) -> PriceEntry | None:
    """The newest price in that currency that has started and was not withdrawn."""
    started = [price for price in prices if price.currency == currency and _counts(price, at)]
    return max(started, key=lambda price: price.effective_from, default=None)


def before(price: PriceEntry, prices: Sequence[PriceEntry]) -> PriceEntry | None:
    """The price that `price` followed."""
    return in_force(
        [other for other in prices if other.effective_from < price.effective_from], price.currency, price.effective_from
    )


def reference(prices: Sequence[PriceEntry], currency: str, at: datetime, bounds: Bounds) -> PriceEntry | None:
    """The price that a new one is measured by: what counted before the window or was set by two people since, so that
    many small steps of one person are one large one; without such a price the first, or that of another currency."""
    started = [price for price in prices if _counts(price, at)]
    own = [price for price in started if price.currency == currency] or started
    old = in_force(own, own[0].currency, at - bounds.window) if own else None
    trusted = [price for price in own if price.seconded_by is not None or price == old]
    if trusted:
        return max(trusted, key=lambda price: price.effective_from)
    return min(own, key=lambda price: price.effective_from, default=None)


def measures(prices: Sequence[PriceEntry], currency: str, at: datetime, bounds: Bounds) -> tuple[PriceEntry, ...]:
    """All prices that a new one has to stay near: the reference, and the one in force, which may be one that somebody
    went back to since."""
    found = (reference(prices, currency, at, bounds), in_force(prices, currency, at))
    return tuple(price for price in found if price is not None)


def problems(command: PlanPrice, sku: SkuView | None, bounds: Bounds, now: datetime) -> dict[str, str]:
    """What no two people may set either, by field; `sku` is None when there is none of that code."""
    wrong: dict[str, str] = {}
    if sku is None:
        wrong["sku"] = "There is no such type."
    for name, rate in (("per_hour", command.rate_whole), ("per_gpu_hour", command.rate_gpu)):
        if rate is not None and not bounds.minimum <= rate <= bounds.maximum:
            minimum, maximum = money(bounds.minimum, command.currency), money(bounds.maximum, command.currency)
            wrong[name] = f"A price is from {minimum} to {maximum} an hour."
    if sku is not None and sku.sells_slots == (command.rate_gpu is None):
        wrong["per_gpu_hour"] = "is given exactly for types that are sold by the GPU"
    if not CURRENCY.fullmatch(command.currency):
        wrong["currency"] = "Write the three capitals of ISO 4217, such as USD."
    if command.effective_from is not None and command.effective_from.tzinfo is None:
        wrong["effective_from"] = "Write the time with its zone, such as 2026-12-01T08:00:00Z."
    elif command.effective_from is not None and command.effective_from - now > FURTHEST:
        wrong["effective_from"] = "A price is announced at most a year ahead."
    return wrong


def beyond_alone(new: NewPrice, near: Sequence[PriceEntry], bounds: Bounds) -> str | None:
    """Why one person is not enough; None when they are. A first price has nothing to be near to."""
    parts = [(price, "the machine", new.rate_whole, price.rate_whole) for price in near]
    parts += [(price, "a GPU", new.rate_gpu, price.rate_gpu) for price in near if price.rate_gpu and new.rate_gpu]
    for measure, what, after, base in parts:
        if after * 100 < base * (100 - bounds.drop_percent):
            return f"{what} would cost over {bounds.drop_percent} % less than {money(base, measure.currency)}"
        if after * 100 > base * (100 + bounds.rise_percent):
            return f"{what} would cost over {bounds.rise_percent} % more than {money(base, measure.currency)}"
    return None


def is_raise(before: PriceView | None, whole: RateMicroPerHour | None, gpu: RateMicroPerHour | None) -> bool:
    """Whether customers would pay more than before for the machine or for a GPU of it. A first price is none."""
    if before is None:
        return False
    dearer_gpu = gpu is not None and before.rate_gpu is not None and gpu > before.rate_gpu
    return (whole is not None and whole > before.rate_whole) or dearer_gpu


def lowers(effect: PriceEffect) -> bool:
    """Whether anything becomes cheaper than it is now."""
    return any(change is not None and change < 0 for change in (effect.whole_difference, effect.gpu_difference))


def difference(after: int | None, before: int | None) -> int | None:
    """What one more hour costs; None where one of the two is not sold."""
    return None if after is None or before is None else after - before


def earliest_start(now: datetime, notice: timedelta, *, raises: bool) -> datetime:
    """A higher price starts after the notice; a lower one, or a first one, at once."""
    return now + notice if raises else now


def _counts(price: PriceEntry, at: datetime) -> bool:
    return price.withdrawn_at is None and price.effective_from <= at
