"""An operator's day: a customer is shut out and let in, looked at, refunded by two people; a policy, the audit log."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e import stories
from e2e.conftest import Enter
from e2e.pages.frame import Frame
from e2e.pages.sign_in import SignIn, sign_in_as
from e2e.stack import Stack
from e2e.steps import Steps


class Console(Frame):
    """The operator's console: one entry of the rail after the other."""

    def choose(self, entry: str, row: str) -> None:
        """Follow a row of a list."""
        self.go(entry)
        self.main.get_by_role("link", name=row).first.click()
        expect(self.title).to_contain_text(row)

    def ask(self, button: str, submit: str, fill: Callable[[], None]) -> None:
        """Open a dialog, fill it, send it."""
        self.main.get_by_role("button", name=button).click()
        fill()
        self.page.get_by_role("dialog").get_by_role("button", name=submit, exact=True).click()

    def say(self, text: str) -> None:
        """The reason that a dialog asks for."""
        self.page.get_by_role("dialog").get_by_label("Reason").fill(text)


def _enter_nora(page: Page, stack: Stack) -> None:
    sign_in = SignIn(page).open()
    sign_in.to_provider(stack.issuer)
    sign_in.as_newcomer("Nora Vale", "nora@vale.example", stack.url)


def test_an_operators_day(enter: Enter, stack: Stack, steps: Steps) -> None:
    customer = enter().page
    _enter_nora(customer, stack)
    stories.pay(customer, stack, "$100.00")
    olga, otto = enter(), enter()
    for visitor, name in ((olga, "Olga Lind"), (otto, "Otto Brandt")):
        sign_in_as(visitor.page, stack.issuer, stack.url, name)
    console = Console(olga.page)
    with steps.step("suspend and resume"):
        console.choose("Customers", "Nora's organisation")
        console.ask("Suspend…", "Suspend", lambda: console.say("a chargeback"))
        expect(console.main.get_by_text("This organisation is suspended.")).to_be_visible()
        # the customer's page leaves by itself, as its session ended
        expect(customer.get_by_role("heading", level=1)).to_have_text("Sign in to Berth")
        customer.goto("/billing")
        expect(customer.get_by_role("heading", level=1)).to_have_text("Sign in to Berth")
        console.ask("Lift suspension…", "Lift suspension", lambda: console.say("settled"))
        expect(console.main.get_by_role("button", name="Suspend…")).to_be_visible()
    with steps.step("view as"):
        console.ask("View as…", "View", lambda: console.say("request 4711"))
        banner = olga.page.get_by_role("region", name="View as customer")
        expect(banner).to_contain_text("You are looking at Nora's organisation, read-only.")
        console.go("Billing")
        expect(banner).to_contain_text("request 4711")
        banner.get_by_role("button", name="Stop looking").click()
        expect(console.title).to_have_text("Nora's organisation")
    with steps.step("set a policy"):
        console.choose("Policies", "auth.view_as_minutes")
        console.main.get_by_label("New value").fill("20")
        console.main.get_by_role("button", name="Preview").click()
        expect(console.main.get_by_text("20 minutes")).to_be_visible()
        console.main.get_by_label("Reason").fill("shorter looks")
        console.main.get_by_role("button", name="Set", exact=True).click()
        expect(console.main.get_by_role("table", name="History")).to_contain_text("shorter looks")
    with steps.step("export the audit log"):
        console.go("Audit")
        console.main.get_by_role("button", name="Export…").click()
        with olga.page.expect_download() as download:
            olga.page.get_by_role("dialog").get_by_role("button", name="Export").click()
        assert "view_as.start" in download.value.path().read_text("utf-8")
        olga.page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    with steps.step("refund by two people"):
        console.go("Money")
        payments = console.main.get_by_role("table", name="Payments").get_by_role("row")
        payment = payments.filter(has_text="Nora's organisation").first
        payment.get_by_role("rowheader").get_by_role("link").click()
        console.main.get_by_role("button", name="Refund…").click()
        dialog = olga.page.get_by_role("dialog")
        dialog.get_by_label("Amount").fill("80")
        console.say("asked by mail")
        dialog.get_by_role("button", name="Refund", exact=True).click()
        expect(console.main.get_by_text("Nothing has been refunded yet.")).to_be_visible()
        otto.page.goto(re.sub(r"^https?://[^/]+", "", olga.page.url))
        Console(otto.page).main.get_by_role("button", name="Approve $80.00").click()
        expect(Console(otto.page).main.get_by_text("Nothing has been refunded yet.")).to_have_count(0)
    with steps.step("it arrives"):
        _enter_nora(customer, stack)
        customer.goto("/billing/refunds")
        expect(customer.get_by_text("$80.00")).to_be_visible()
