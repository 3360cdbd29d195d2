"""How money is set aside and in which order it is spent: promotions first, then credit, then the machine's own hold."""

import msgspec

from app.shared.money import Micro, RateMicroPerHour, charge


class Debit(msgspec.Struct, frozen=True):
    """Where the money of one charge comes from. `written_off` is ours to bear: a customer never falls below zero."""

    promotions: Micro
    credit: Micro
    hold: Micro
    written_off: Micro


class Paid(msgspec.Struct, frozen=True):
    """Where money that comes in goes: first it pays what is owed, the rest is credit."""

    debt: Micro
    credit: Micro


def pay_debt(amount: Micro, debt: Micro) -> Paid:
    """Split what comes in; `debt` is what is owed, a positive number."""
    paid = min(amount, max(0, debt))
    return Paid(Micro(paid), Micro(amount - paid))


def take_back(amount: Micro, credit: Micro) -> Paid:
    """Split what is taken back from outside: unspent credit first, the rest is owed from then on."""
    from_credit = min(amount, max(0, credit))
    return Paid(Micro(amount - from_credit), Micro(from_credit))


def hold_amount(rate: RateMicroPerHour, seconds: int, minimum: Micro) -> Micro:
    """What a launch at `rate` sets aside."""
    return Micro(max(charge(rate, seconds), minimum))


def split(amount: Micro, promotions: Micro, credit: Micro, hold: Micro) -> Debit:
    """Spend `amount`: promotions, credit, the hold, and only then nobody's money."""
    from_promotions = min(amount, max(0, promotions))
    from_credit = min(amount - from_promotions, max(0, credit))
    from_hold = min(amount - from_promotions - from_credit, max(0, hold))
    rest = amount - from_promotions - from_credit - from_hold
    return Debit(Micro(from_promotions), Micro(from_credit), Micro(from_hold), Micro(rest))


def give_back(remaining: Micro, from_promotions: Micro, from_credit: Micro) -> tuple[Micro, Micro]:
    """The rest of a hold, to (promotions, credit): what the hold took from promotions was spent first."""
    spent = from_promotions + from_credit - remaining
    promotions = max(0, min(remaining, from_promotions - spent))
    return Micro(promotions), Micro(remaining - promotions)
