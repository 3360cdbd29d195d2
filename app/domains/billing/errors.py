"""Why billing refuses a request, in terms that a person can act on."""

from app.shared.errors import Conflict, DomainError, ValidationFailed


class InsufficientCredit(DomainError):
    """`available` and `needed` are micro-units."""

    code = "insufficient_credit"
    status = 402
    title = "There is not enough credit for this."

    def __init__(self, available: int, needed: int, currency: str) -> None:
        self.available = available
        self.needed = needed
        super().__init__(available=available, needed=needed, missing=max(0, needed - available), currency=currency)


class NoBillingAccount(DomainError):
    code = "billing_account_missing"
    status = 409
    title = "This organisation has no billing account yet."


class WrongCurrency(DomainError):
    code = "billing_currency_mismatch"
    status = 422
    title = "This organisation is billed in another currency."


class BalanceTooLarge(ValidationFailed):
    code = "billing_balance_too_large"
    title = "The balance would exceed the maximum."
    field = "amount"


class HoldMissing(Conflict):
    code = "billing_hold_missing"
    title = "There is no hold for this machine, so it cannot be metered."


class StillMetered(Conflict):
    code = "billing_still_metered"
    title = "The meter of this machine is running: stop metering instead."


class ReferenceReused(Conflict):
    code = "billing_reference_reused"
    title = "This reference was already posted with other values."
