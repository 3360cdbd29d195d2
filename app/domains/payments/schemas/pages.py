"""What the pages of payments show, each built from a view of the domain."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.payments.contracts import REFUND_STATES, RefundView
from app.domains.payments.repository.payments import Payment
from app.domains.payments.rules.amounts import PRESETS
from app.domains.payments.service.credit import CreditOffer
from app.shared.formats import units
from app.shared.money import MICRO_PER_UNIT, Micro, seconds_until_empty
from app.web.show_code import ApiCall, api_call


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """An amount on offer, and how many seconds the balance would last with it; None without running charges."""

    amount: Micro
    units: str
    runway_seconds: int | None


class CreditPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page "Add credit"."""

    currency: str
    available: Micro
    minimum: Micro
    maximum: Micro
    presets: tuple[Preset, ...]
    selected: str
    canceled: bool
    call: ApiCall

    @classmethod
    def of(cls, offer: CreditOffer, *, selected: str, canceled: bool) -> "CreditPage":
        balance = offer.balance
        amounts = [Micro(preset * MICRO_PER_UNIT) for preset in PRESETS]
        presets = tuple(
            Preset(
                amount=amount,
                units=units(amount),
                runway_seconds=seconds_until_empty(Micro(balance.funds + amount), balance.burn_per_hour),
            )
            for amount in amounts
            if offer.minimum <= amount <= offer.maximum
        )
        example = presets[0].amount if presets else offer.minimum
        return cls(
            currency=balance.currency,
            available=balance.available,
            minimum=offer.minimum,
            maximum=offer.maximum,
            presets=presets,
            selected=selected,
            canceled=canceled,
            call=api_call("POST", "/api/v1/payments/credit", {"amount": example}),
        )


class ReturnPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page to which the Checkout page sends the buyer. Safe to reload."""

    payment: Payment
    available: Micro
    is_waiting: bool

    @classmethod
    def of(cls, payment: Payment, offer: CreditOffer) -> "ReturnPage":
        is_waiting = payment.status in ("created", "open")
        return cls(payment=payment, available=offer.balance.available, is_waiting=is_waiting)


class RefundRow(msgspec.Struct, frozen=True, kw_only=True):
    """One refund; `state` is the tone of its pill and its label."""

    payment_id: UUID
    amount: Micro
    currency: str
    state: tuple[str, str]
    created_at: datetime


class RefundsPage(msgspec.Struct, frozen=True):
    """The refunds of an organisation."""

    refunds: tuple[RefundRow, ...]

    @classmethod
    def of(cls, refunds: Sequence[RefundView]) -> "RefundsPage":
        return cls(
            refunds=tuple(
                RefundRow(
                    payment_id=refund.payment_id,
                    amount=refund.amount,
                    currency=refund.currency,
                    state=REFUND_STATES[refund.status],
                    created_at=refund.created_at,
                )
                for refund in refunds
            )
        )
