"""Bodies and answers of the JSON API, and the form "Add credit". Amounts are micro-units."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.payments.contracts import RefundView
from app.domains.payments.repository.payments import Payment
from app.domains.payments.rules.amounts import parse_amount
from app.domains.payments.service.credit import AddCredit
from app.shared.errors import ValidationFailed
from app.shared.money import Micro


class AddCreditForm(msgspec.Struct, frozen=True):
    """A preset, or an amount of one's own, which wins when it is filled in."""

    amount: str = ""
    own: str = ""

    def command(self) -> AddCredit:
        """Raises ValidationFailed for a text that is no amount."""
        amount = parse_amount(self.own.strip() or self.amount)
        if amount is None:
            problem = "Write the amount as 50 or 49.90."
            raise ValidationFailed(problem, fields={"own": problem})
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
    def of(cls, payment: Payment) -> "PaymentAnswer":
        answer = msgspec.convert(payment, cls, from_attributes=True)
        return answer if payment.status == "open" else msgspec.structs.replace(answer, checkout_url=None)


class RefundAnswer(msgspec.Struct, frozen=True):
    """A refund to the card. Amounts in micro-units; `problem` is why a bank did not accept it."""

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
        return msgspec.convert(refund, cls, from_attributes=True)
