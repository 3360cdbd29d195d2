"""The rule of two people for money. Pure."""

import re
from collections.abc import Set as AbstractSet
from uuid import UUID

from app.domains.admin.errors import SecondPersonNeeded
from app.shared.money import MICRO_PER_CENT, Micro

TYPED_AMOUNT = re.compile(r"^\s*([+\-\u2212]?)\s*[$€£]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,2}))?\s*$", re.ASCII)


def may_alone(amount: Micro, maximum: int) -> bool:
    """Whether one person is enough for `amount`, in either direction."""
    return abs(amount) <= maximum


def check_second(requested_by: UUID, decider: UUID | None, same: AbstractSet[UUID] = frozenset()) -> UUID:
    """The id of the decider. Raises SecondPersonNeeded when it is the requester (or an account in `same`), or None."""
    if decider is None or decider == requested_by or decider in same:
        raise SecondPersonNeeded()
    return decider


def parse_amount(text: str) -> Micro | None:
    """`25`, `-25.50` or `$25,50` in micro-units. None for anything else, including thousands separators."""
    match = TYPED_AMOUNT.match(text)
    if match is None:
        return None
    cents = int(match[2]) * 100 + int((match[3] or "0").ljust(2, "0"))
    return Micro(cents * MICRO_PER_CENT * (-1 if match[1] in ("-", "\u2212") else 1))
