"""Something happens to a customer: the bell counts up by itself, a mail lies in the dev inbox, the item opens."""

import re
from uuid import uuid4

import httpx2
from playwright.sync_api import Locator, Page, expect

from e2e import stories
from e2e.conftest import Enter
from e2e.pages.frame import Frame
from e2e.pages.sign_in import SignIn
from e2e.stack import Stack
from e2e.steps import Steps

TITLE = "$25.00 of credit was added"


def _bell(page: Page, unread: int) -> Locator:
    words = rf"^Notifications\s*,\s*{unread} unread$" if unread else r"^Notifications$"
    return page.get_by_role("banner").get_by_role("link", name=re.compile(words))


def test_the_bell_counts_up_live_a_mail_arrives_and_the_item_opens(enter: Enter, stack: Stack, steps: Steps) -> None:
    visitor = enter()
    page, address = visitor.page, f"dora-{uuid4().hex[:6]}@example.com"
    with steps.step("sign in"):
        sign_in = SignIn(page).open()
        sign_in.to_provider(stack.issuer)
        sign_in.as_newcomer("Dora Lind", address, stack.url)
        page.goto("/notifications")
        expect(page.get_by_role("heading", name="No notifications yet")).to_be_visible()
    with steps.step("pay in another tab, the bell here counts up"):
        other = visitor.context.new_page()
        other.goto("/")
        stories.pay(other, stack, "$25.00")
        expect(_bell(page, 1)).to_be_visible()
        expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    with steps.step("the mail"):
        expect(_bell(other, 1)).to_be_visible()
        mails = _mails(stack, address)
        assert [mail["subject"] for mail in mails] == [TITLE]
        assert f"{stack.url}/billing" in mails[0]["text"]
        assert "<script" not in mails[0]["html"]
    with steps.step("open the item"):
        page.get_by_role("button", name=f"Open: {TITLE}").click()
        page.wait_for_url("**/billing")
        expect(_bell(page, 0)).to_be_visible()
        expect(_bell(other, 0)).to_be_visible()
    with steps.step("choose what is told"):
        page.goto("/settings/notifications")
        visitor.watch.expect_refusals(422)
        page.get_by_label("Mail: Credit is running low", exact=True).uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("machines can be released before you notice")).to_be_visible()
        page.get_by_label("I understand that machines are released").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("You get no mail when credit runs out")).to_be_visible()
    assert Frame(page).title.is_visible()


def _mails(stack: Stack, address: str) -> list[dict[str, str]]:
    """What lies in the development inbox for that address; it is waited for."""
    inbox = f"{stack.status['smtp']['inbox']}/api/mails"
    return httpx2.get(inbox, params={"to": address, "wait": "20"}, trust_env=False, timeout=30).json()
