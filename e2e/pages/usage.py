"""The usage page: a sentence, two charts with their tables, and what it was spent on."""

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame


class Usage(Frame):
    """Opened from the tabs of Billing."""

    def open(self) -> "Usage":
        self.go("Billing")
        self.main.get_by_role("navigation", name="Billing").get_by_role("link", name="Usage").click()
        expect(self.title).to_have_text("Usage")
        return self

    def chart(self, title: str) -> Locator:
        """The figure that draws this."""
        return self.main.get_by_role("figure").filter(has_text=f"{title} as a table")

    def expect_drawn(self, title: str) -> None:
        """The picture is there, and the same figures as a table."""
        figure = self.chart(title)
        expect(figure.locator("canvas")).to_be_visible()
        figure.get_by_text(f"{title} as a table").click()
        expect(figure.get_by_role("table", name=title)).to_be_visible()

    def expect_as_wide_as_its_card(self, title: str) -> None:
        """Also before anything has changed its size."""
        figure = self.chart(title)
        expect(figure.locator("canvas")).to_be_visible()
        wide = figure.evaluate("it => [it.querySelector('.uplot').clientWidth, it.clientWidth]")
        assert wide[0] == wide[1] > 250, wide

    def read_by_keyboard(self, title: str) -> Locator:
        """What the chart says of its last figure."""
        plot = self.chart(title).get_by_label("left and right read its figures")
        plot.focus()
        plot.press("End")
        return self.chart(title).get_by_role("status")
