"""Billing, adding credit, and the page one comes back to from the payment page."""

from decimal import Decimal

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame, dollars


class Billing(Frame):
    """Balance, what burns it, and the ledger."""

    def open(self) -> "Billing":
        self.go("Billing")
        expect(self.title).to_have_text("Billing")
        return self

    def add_credit(self) -> None:
        self.main.get_by_role("link", name="Add credit").first.click()
        expect(self.title).to_have_text("Add credit")

    @property
    def ledger(self) -> Locator:
        return self.main.get_by_role("table", name="Ledger")

    def lines(self, title: str) -> Locator:
        """The ledger's lines about this."""
        return self.ledger.get_by_role("row").filter(has=self.page.get_by_role("rowheader", name=title))

    def exact_amount(self, line: Locator) -> Decimal:
        """The last figure of a line, to the millionth: what the balance changed by. Cents hide the rest in a title."""
        amount = line.get_by_role("cell").last.get_by_text("$")
        return dollars(amount.get_attribute("title") or amount.inner_text())


class AddCredit(Frame):
    """Choose an amount, go and pay."""

    def choose(self, amount: str) -> None:
        self.page.get_by_role("radio", name=amount).check()

    def pay_twice(self, checkout: str) -> None:
        """The impatient double click on a button that costs money."""
        self.page.get_by_role("button", name="Continue to payment").dblclick()
        self.page.wait_for_url(f"{checkout}/c/pay/**")


class PaymentReturn(Frame):
    """Where the payment page sends the browser."""

    def expect_here(self) -> None:
        expect(self.title).to_have_text("Your payment")

    def expect_arrived(self, amount: str) -> None:
        expect(self.main.get_by_text(f"{amount} of credit has arrived.")).to_be_visible()
