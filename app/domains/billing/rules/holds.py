"""How money is held, and in which order it is spent: promotions, then credit, then the machine's own hold."""

import msgspec

from app.shared.money import Micro, RateMicroPerHour, charge


class Debit(msgspec.Struct, frozen=True):
    """What pays for one charge. `written_off` is Berth's loss: a customer's balance never falls below zero."""

    promotions: Micro
    credit: Micro
    hold: Micro
    written_off: Micro


class DebtSplit(msgspec.Struct, frozen=True):
    """The parts of an amount that change the debt and the credit."""

    debt: Micro
    credit: Micro


def settle_debt(amount: Micro, debt: Micro) -> DebtSplit:
    """Split incoming money: it pays the debt (a positive number) first, the rest is credit."""
    paid = min(amount, max(0, debt))
    return DebtSplit(Micro(paid), Micro(amount - paid))


def split_withdrawal(amount: Micro, credit: Micro) -> DebtSplit:
    """Split money that was withdrawn outside of Berth: unspent credit covers it first, the rest becomes debt."""
    from_credit = min(amount, max(0, credit))
    return DebtSplit(Micro(amount - from_credit), Micro(from_credit))


def hold_amount(rate: RateMicroPerHour, seconds: int, minimum: Micro) -> Micro:
    """The hold of a launch at `rate`: the price of `seconds`, but at least `minimum`."""
    return Micro(max(charge(rate, seconds), minimum))


def split_charge(amount: Micro, promotions: Micro, credit: Micro, hold: Micro) -> Debit:
    """Split a charge over promotions, credit and the hold, in this order. What they do not cover is written off."""
    from_promotions = min(amount, max(0, promotions))
    from_credit = min(amount - from_promotions, max(0, credit))
    from_hold = min(amount - from_promotions - from_credit, max(0, hold))
    rest = amount - from_promotions - from_credit - from_hold
    return Debit(Micro(from_promotions), Micro(from_credit), Micro(from_hold), Micro(rest))


def split_release(remaining: Micro, from_promotions: Micro, from_credit: Micro) -> tuple[Micro, Micro]:
    """Split the rest of a hold into (promotions, credit). What the hold took from promotions counts as spent first."""
    spent = from_promotions + from_credit - remaining
    promotions = max(0, min(remaining, from_promotions - spent))
    return Micro(promotions), Micro(remaining - promotions)
