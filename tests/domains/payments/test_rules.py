"""What people type, and what counts as the money we asked for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.payments.rules.amounts import parse_amount, to_cents
from app.domains.payments.rules.sessions import CheckoutSession, amount_mismatch
from app.shared.money import Micro

SESSION = CheckoutSession(session_id="cs_1", reference="p", payment_status="paid", amount_cents=2500, currency="usd")


@pytest.mark.parametrize(
    ("typed", "micro"),
    [
        ("25", 25_000_000),
        ("25.5", 25_500_000),
        (" 25,05 ", 25_050_000),
        ("$0.01", 10_000),
        ("999999999", 999999999000000),
    ],
)
def test_amounts_are_read_as_people_write_them(typed: str, micro: int) -> None:
    assert parse_amount(typed) == micro


@pytest.mark.parametrize("typed", ["", "-5", "1e3", "NaN", "1,000.00", "25.005", "٢٥", "1 0", "0x10", "9" * 19, "inf"])
def test_everything_else_is_no_amount(typed: str) -> None:
    assert parse_amount(typed) is None


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(typed: str) -> None:
    amount = parse_amount(typed)
    assert amount is None or to_cents(amount) >= 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, None),
        ({"amount_cents": 2501}, "amount"),
        ({"amount_cents": None}, "amount"),
        ({"currency": "eur"}, "currency"),
        ({"currency": None}, "currency"),
        ({"reference": "other"}, "reference"),
    ],
)
def test_only_the_amount_and_currency_we_asked_for_count(change: dict[str, object], what: str | None) -> None:
    session = msgspec.structs.replace(SESSION, **change)
    assert amount_mismatch(session, "p", Micro(25_000_000), "USD") == what
