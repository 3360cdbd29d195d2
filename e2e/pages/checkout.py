"""The simulated payment page. It stands for somebody else's: no markup of the portal is on it."""

import re

from playwright.sync_api import Locator, Page, expect

DECLINED, ACCEPTED = "4000 0000 0000 0002", "4242 4242 4242 4242"


class Checkout:
    """One payment."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, card: str, name: str) -> None:
        expect(self.page.get_by_label("Email")).to_have_value(re.compile("@"))  # who pays is known already
        self.page.get_by_label("Card number").fill(card)
        self.page.get_by_label("Expiry").fill("12 / 34")
        self.page.get_by_label("CVC").fill("123")
        self.page.get_by_label("Name on card").fill(name)

    @property
    def button(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile(r"^Pay "))

    @property
    def problem(self) -> Locator:
        return self.page.get_by_role("alert")
