"""What surrounds every page: navigation, the money pill, the account menu; found by role and by the words on them."""

import re
from decimal import Decimal
from typing import Literal

from playwright.sync_api import Locator, Page, expect

_MONEY = re.compile(r"\$([\d,]+\.\d+)")


def dollars(text: str) -> Decimal:
    """The first amount in a text, in dollars and without its sign."""
    found = _MONEY.search(text)
    assert found, f"no amount in {text!r}"
    return Decimal(found[1].replace(",", ""))


class Frame:
    """The portal's frame; base of all its pages."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def title(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def pill(self) -> Locator:
        """Balance, burn and runway, in the top bar; closed, its text is one line."""
        return self.page.get_by_role("banner").get_by_role("group").filter(has_text="Money:")

    def go(self, label: str) -> None:
        """Follows an entry of the main navigation, which is then marked as the current page."""
        entry = self.page.get_by_role("navigation", name="Main").get_by_role("link", name=label, exact=True)
        entry.click()
        expect(entry).to_have_attribute("aria-current", "page")

    def expect_credit(self, amount: str) -> None:
        """The pill shows this amount; it gets there without a reload."""
        expect(self.pill).to_contain_text(amount)

    def choose_theme(self, theme: Literal["light", "dark"]) -> None:
        self.page.get_by_role("banner").locator("summary").filter(has_text="account of").click()
        self.page.get_by_role("button", name=theme.capitalize(), exact=True).click()
