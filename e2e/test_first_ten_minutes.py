"""The main job, in a real browser: from nothing to a shell on a machine, and every cent accounted for.

One newcomer, one context, one story: the steps depend on each other as they do for a person. Every button that costs
money is double-clicked, and the page is reloaded in the middle of whatever takes a while.
"""

from uuid import uuid4

from playwright.sync_api import expect

from e2e.conftest import Enter, Visitor
from e2e.pages.billing import AddCredit, Billing, PaymentReturn
from e2e.pages.checkout import ACCEPTED, DECLINED, Checkout
from e2e.pages.frame import Frame
from e2e.pages.sign_in import SignIn
from e2e.stack import Stack
from e2e.steps import Steps

PERSON = "Nora Vale"
EMAIL = f"nora.{uuid4().hex[:10]}@vale.example"  # nobody has seen her before


def test_the_first_ten_minutes(enter: Enter, stack: Stack, steps: Steps) -> None:
    visitor = enter()
    with steps.step("sign in"):
        _sign_in(visitor)
    with steps.step("add credit: declined, then paid"):
        _add_credit(visitor)
    with steps.step("verify the ledger"):
        verified = stack.berth("ledger", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def _sign_in(visitor: Visitor) -> None:
    sign_in = SignIn(visitor.page).open("/billing")
    sign_in.to_provider(visitor.stack.issuer)
    sign_in.as_newcomer(PERSON, EMAIL, visitor.stack.url)
    expect(sign_in.title).to_have_text("Billing")  # back where they were going
    Frame(visitor.page).expect_credit("$0.00")


def _add_credit(visitor: Visitor) -> None:
    page, checkout = visitor.page, Checkout(visitor.page)
    Billing(page).add_credit()
    credit = AddCredit(page)
    credit.choose("$50.00")
    credit.pay_twice(visitor.stack.checkout)
    checkout.fill(DECLINED, PERSON, EMAIL)
    checkout.button.click()
    expect(checkout.problem).to_contain_text("declined")
    checkout.fill(ACCEPTED, PERSON, EMAIL)
    checkout.button.dblclick()
    back = PaymentReturn(page)
    back.expect_here()
    page.reload()
    back.expect_here()
    back.expect_arrived("$50.00")
    back.expect_credit("$50.00")
    billing = Billing(page).open()
    expect(billing.ledger.get_by_role("row")).to_have_count(2)  # the header and one line: paid once
