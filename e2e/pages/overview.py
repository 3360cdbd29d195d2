"""The first page after signing in."""

from playwright.sync_api import expect

from e2e.pages.frame import Frame


class Overview(Frame):
    """First steps for a newcomer, later what runs and how long the money lasts."""

    def expect_first_steps(self) -> None:
        expect(self.title).to_have_text("Overview")
        expect(self.main.get_by_role("heading", name="First steps")).to_be_visible()

    def add_credit(self) -> None:
        self.main.get_by_role("link", name="Add credit").click()
        expect(self.title).to_have_text("Add credit")
