"""What the wire carries: the form and the JSON body of "Add credit", and the answers."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.payments.contracts import AddCredit, PaymentView, RefundView
from app.domains.payments.rules import parse_amount
from app.shared.errors import ValidationFailed
from app.shared.money import Micro


class AddCreditForm(msgspec.Struct, frozen=True):
    """A preset, or an amount of one's own, which wins when it is filled."""

    amount: str = ""
    own: str = ""

    def command(self) -> AddCredit:
        """Raises ValidationFailed for what is no amount."""
        amount = parse_amount(self.own.strip() or self.amount)
        if amount is None:
            raise ValidationFailed(
                "Write the amount as 50 or 49.90.", fields={"own": "Write the amount as 50 or 49.90."}
            )
        return AddCredit(amount=amount)


class AddCreditBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` in micro-units of the organisation's currency: 25000000 is 25.00."""

    amount: int

    def command(self) -> AddCredit:
        return AddCredit(amount=Micro(self.amount))


class PaymentAnswer(msgspec.Struct, frozen=True):
    """A payment; open `checkout_url` in a browser to pay. Amounts in micro-units."""

    id: UUID
    amount: int
    currency: str
    status: str
    checkout_url: str | None
    problem: str | None
    created_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, payment: PaymentView) -> "PaymentAnswer":
        return cls(
            payment.id,
            payment.amount,
            payment.currency,
            payment.status,
            payment.checkout_url if payment.status == "open" else None,
            payment.problem,
            payment.created_at,
            payment.paid_at,
        )


class RefundAnswer(msgspec.Struct, frozen=True):
    """Money on its way back to the card. Amounts in micro-units; `problem` is why a bank did not take it."""

    id: UUID
    payment_id: UUID
    amount: int
    currency: str
    status: str
    problem: str | None
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, refund: RefundView) -> "RefundAnswer":
        return cls(
            refund.id,
            refund.payment_id,
            refund.amount,
            refund.currency,
            refund.status,
            refund.problem,
            refund.created_at,
            refund.settled_at,
        )


class RefundsPage(msgspec.Struct, frozen=True):
    """What payments/refunds.html gets."""

    refunds: tuple[RefundView, ...]
