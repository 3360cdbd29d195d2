"""Test cards: which numbers exist, what happens to them, and whether what was typed is a card at all.

The numbers, codes and sentences are those Stripe documents for test mode. Real numbers are declined.
"""

import re
from datetime import UTC, datetime

import msgspec

from devstack.simulators.stripe.models import Failure


class TypedCard(msgspec.Struct, frozen=True):
    """The card form as it was typed."""

    number: str
    expiry: str
    cvc: str
    name: str

    @property
    def digits(self) -> str:
        """The number without blanks and dashes."""
        return re.sub(r"[\s-]", "", self.number)


_DECLINED = "Your card was declined."
_BRANDS = (("34", "amex"), ("37", "amex"), ("51", "mastercard"), ("52", "mastercard"), ("53", "mastercard"))
_BRANDS_TAIL = (("54", "mastercard"), ("55", "mastercard"), ("22", "mastercard"), ("6011", "discover"), ("4", "visa"))

_GOOD = {
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
}
_THREE_D_SECURE = "4000002500003155"
_DECLINES = {
    "4000000000000002": Failure("card_declined", "generic_decline", _DECLINED),
    "4000000000009995": Failure("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000009987": Failure("card_declined", "lost_card", _DECLINED),
    "4000000000009979": Failure("card_declined", "stolen_card", _DECLINED),
    "4000000000000069": Failure("expired_card", None, "Your card has expired."),
    "4000000000000127": Failure("incorrect_cvc", None, "Your card's security code is incorrect."),
    "4000000000000119": Failure(
        "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
    ),
}
GENERIC_DECLINE = _DECLINES["4000000000000002"]
AUTHENTICATION_FAILED = Failure(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)
_LIVE_CARD = Failure(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card."
    " For a list of valid test cards, visit: https://stripe.com/docs/testing.",
)


def outcome(digits: str) -> Failure | None:
    """None when the bank says yes (perhaps after 3-D Secure), otherwise the decline."""
    if digits in _GOOD or digits == _THREE_D_SECURE:
        return None
    return _DECLINES.get(digits, _LIVE_CARD)


def needs_three_d_secure(digits: str) -> bool:
    """Whether the bank wants to see its customer first."""
    return digits == _THREE_D_SECURE


def brand(digits: str) -> str:
    """`visa`, `mastercard`, `amex`, `discover` or `unknown`."""
    return next((name for prefix, name in _BRANDS + _BRANDS_TAIL if digits.startswith(prefix)), "unknown")


def expiry_of(card: TypedCard) -> tuple[int, int]:
    """(month, year) of a card that passed `problems`."""
    month, year = re.findall(r"\d+", card.expiry) if "/" in card.expiry else (card.expiry[:2], card.expiry[2:])
    return int(month), 2000 + int(year) % 100


def problems(card: TypedCard, now: float) -> dict[str, str]:
    """What is wrong with the form, by field; empty when it may be sent to the bank. `now` is Unix time."""
    found: dict[str, str] = {}
    if not re.fullmatch(r"\d{13,19}", card.digits, re.ASCII) or not luhn(card.digits):
        found["card_number"] = "Your card number is invalid."
    if not re.fullmatch(r"\s*(0[1-9]|1[0-2])\s*/?\s*(20)?\d\d\s*", card.expiry, re.ASCII):
        found["expiry"] = "Your card's expiration date is incomplete."
    elif _past(card, now):
        found["expiry"] = "Your card's expiration year is in the past."
    length = 4 if brand(card.digits) == "amex" else 3
    if not re.fullmatch(rf"\d{{{length}}}", card.cvc.strip(), re.ASCII):
        found["cvc"] = "Your card's security code is incomplete."
    if not card.name.strip():
        found["name"] = "Enter the name on the card."
    return found


def luhn(digits: str) -> bool:
    """The check digit is right."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def _past(card: TypedCard, now: float) -> bool:
    month, year = expiry_of(TypedCard(card.number, card.expiry.strip(), card.cvc, card.name))
    today = datetime.fromtimestamp(now, UTC)
    return (year, month) < (today.year, today.month)
