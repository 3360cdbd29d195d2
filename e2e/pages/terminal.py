"""A shell in the browser. Read through the screen reader's view of it, which is what the letters on the canvas say."""

import re

from playwright.sync_api import Locator, Page, expect

SHELL_MS = 30_000


class Terminal:
    """The terminal's page; full window, without the portal's frame."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def keys(self) -> Locator:
        return self.page.get_by_role("tabpanel").get_by_role("textbox", name="Shell.")

    @property
    def screen(self) -> Locator:
        return self.page.get_by_role("tabpanel").get_by_role("list")

    def read_aloud(self) -> None:
        """Switches the screen reader's view on; it stays on for this browser."""
        self.page.get_by_title("Options").click()
        self.page.get_by_role("checkbox", name="Screen reader mode").check()
        self.page.get_by_title("Options").click()

    def expect_prompt(self) -> None:
        """The shell waits for a command."""
        expect(self.screen).to_contain_text(re.compile(r"[$#]\s*$"), timeout=SHELL_MS)

    def type(self, command: str) -> None:
        """Types a line and Enter, key by key."""
        self.keys.press_sequentially(command)
        self.keys.press("Enter")

    def expect_line(self, text: str) -> None:
        """A line of output is exactly this: what was typed does not count."""
        expect(self.screen.get_by_role("listitem").get_by_text(text, exact=True).last).to_be_visible(timeout=SHELL_MS)

    def expect_text(self, text: str) -> None:
        expect(self.screen).to_contain_text(text, timeout=SHELL_MS)

    def rows(self) -> list[str]:
        """The lines of the screen as they stand, without what is blank behind them."""
        return [row.rstrip().replace("\xa0", " ") for row in self.screen.get_by_role("listitem").all_inner_texts()]

    def paste(self, text: str) -> None:
        """The clipboard holds `text`, whatever it holds, and the person pastes it."""
        self.keys.evaluate(
            """(field, text) => {
              const clipboardData = new DataTransfer();
              clipboardData.setData("text/plain", text);
              field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
            }""",
            text,
        )

    def expect_lost(self) -> None:
        expect(self.page.get_by_role("status").filter(has_text="Your shell is still running")).to_be_visible()

    def expect_back(self) -> None:
        expect(self.page.get_by_role("status").filter(has_text="Your shell is still running")).to_be_hidden(
            timeout=SHELL_MS
        )

    def back(self) -> None:
        """To the machine's page."""
        self.page.get_by_role("link", name="back to the machine").click()
