"""Stripe's ids are opaque, its types are read tolerantly, and one odd record never spoils a list."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from app.domains.payments.errors import PaymentsUnavailable
from app.domains.payments.gateway import RefundOrder, StripeGateway
from app.shared.records import flag, whole
from tests.domains.payments.buyer import Buyer
from tests.domains.payments.test_webhooks import USD, _session_of


@pytest.mark.commits
async def test_amounts_as_text_flags_as_text_and_expanded_fields_are_read(buyer: Buyer) -> None:
    event: dict[str, Any] = _session_of(await buyer.buy("25"))
    thing = event["data"]["object"]
    thing |= {"amount_total": "2500", "livemode": "false", "new_field": [[{}]], "metadata": thing["metadata"]}
    thing["payment_intent"] = {"id": thing["payment_intent"], "object": "payment_intent", "charges": None}
    assert await buyer.deliver_event(event) == 200
    await buyer.work()
    assert await buyer.credit() == 25 * USD


@pytest.mark.commits
async def test_long_ids_are_kept_whole_and_told_apart(buyer: Buyer) -> None:
    common = secrets.token_hex(3_900)
    for last in ("a", "b", "a"):
        refund = {"id": f"re_{common}{last}", "object": "refund", "amount": 100, "payment_intent": f"pi_{common}{last}"}
        event = {"id": f"evt_{common}{last}", "type": "refund.created", "data": {"object": refund}}
        assert await buyer.deliver_event(event) == 200
    await buyer.work()
    events = await buyer.rows("SELECT event_id, body ->> 'id' FROM payments.payment_events ORDER BY event_id")
    assert events == [(f"evt_{common}{last}", f"re_{common}{last}") for last in "ab"]
    cases = await buyer.rows("SELECT subject FROM payments.cases ORDER BY subject")
    assert [subject.split(":")[0] for [subject] in cases] == [f"re_{common}{last}" for last in "ab"]  # type: ignore[attr-defined]


@pytest.mark.commits
@pytest.mark.parametrize("data", [None, [], "x", {"object": None}, {"object": "x"}, {"object": {"id": 5}}])
async def test_a_signed_event_about_nothing_readable_is_taken_and_shown(buyer: Buyer, data: object) -> None:
    assert await buyer.deliver_event({"id": "evt_odd", "type": "charge.refunded", "data": data}) == 200  # type: ignore[dict-item]
    await buyer.work()
    assert await buyer.rows("SELECT error FROM payments.payment_events") == [("mismatch:charge without an amount",)]
    assert len(await buyer.rows("SELECT 1 FROM payments.cases")) == 1


@pytest.mark.parametrize(
    ("given", "meant"),
    [(5, 5), ("5", 5), (5.0, 5), ("-5", -5), (5.5, None), ("5.0", None), (True, None), (None, None), ("٥", None),
     (2**70, None), (float("nan"), None), (float("inf"), None), ({}, None)],
)  # fmt: skip
def test_a_whole_number_however_it_is_written(given: object, meant: int | None) -> None:
    assert whole(given) == meant


def test_yes_and_no_however_they_are_written() -> None:
    assert [flag(one) for one in (True, False, "true", "false", "yes", 1, None)] == [
        True,
        False,
        True,
        False,
        *[None] * 3,
    ]


class Answers(stripe.HTTPClient):
    """Answers with pages, and remembers where each was asked to begin."""

    name = "answers"

    def __init__(self, pages: dict[str, list[object]]) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[str] = []

    async def request_async(self, method, url, headers, post_data=None):  # type: ignore[no-untyped-def]
        after = parse_qs(urlsplit(url).query).get("starting_after", [""])[0]
        self.asked.append(after)
        listed = {"object": "list", "data": self.pages[after], "has_more": after != list(self.pages)[-1]}
        return json.dumps(listed).encode(), 200, {}


def refund(number: int, **other: object) -> dict[str, object]:
    known = {"id": f"re_{number}", "object": "refund", "amount": 100, "metadata": {"berth_refund": f"r{number}"}}
    return {**known, **other}


ODD: list[object] = [None, "x", 5, [], {}, {"object": "refund"}, {"object": "refund", "id": None}, refund(0, id=7)]
ORDER = RefundOrder(refund_id="r3", tenant_id="t", payment_intent_id="pi", amount_cents=100)


def gateway(pages: dict[str, list[object]]) -> tuple[StripeGateway, Answers]:
    answers = Answers(pages)
    return StripeGateway(stripe.StripeClient("sk_test_x", http_client=answers, max_network_retries=0)), answers


@pytest.mark.parametrize("odd", ODD, ids=[str(one)[:30] for one in ODD])
async def test_one_odd_record_is_passed_over_and_the_list_goes_on(odd: object) -> None:
    stripe_, answers = gateway({"": [refund(1), odd, refund(2), odd], "re_2": [odd, refund(3)]})
    found = await stripe_.list_refunds("pi")
    assert [facts.stripe_refund_id for facts in found] == ["re_1", "re_2", "re_3"]
    assert answers.asked == ["", "re_2"] and len(stripe_.unread) == 3


@pytest.mark.parametrize("metadata", [None, [], "berth_refund", 5, {"berth_refund": 5}, {"berth_refund": None}])
async def test_a_field_that_cannot_be_read_counts_as_absent(metadata: object) -> None:
    stripe_, _ = gateway({"": [refund(1, metadata=metadata, amount="many", currency=5, payment_intent=[])]})
    [facts] = await stripe_.list_refunds("pi")
    assert (facts.refund_id, facts.amount_cents, facts.currency, facts.payment_intent_id) == (None,) * 4
    assert stripe_.unread == []


async def test_money_never_goes_twice_because_a_record_could_not_be_read() -> None:
    stripe_, _ = gateway({"": [refund(1), {"object": "refund", "amount": 100}]})
    with pytest.raises(PaymentsUnavailable):
        await stripe_.find_refund(ORDER)
    stripe_, _ = gateway({"": [{"object": "refund"}, refund(3)]})
    assert (await stripe_.find_refund(ORDER)) is not None
    stripe_, _ = gateway({"": [refund(1)]})
    assert await stripe_.find_refund(ORDER) is None
