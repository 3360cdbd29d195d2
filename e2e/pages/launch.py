"""The launch form and its summary."""

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame


class Launch(Frame):
    """Choose type, image and name; see price and runway; launch."""

    @property
    def summary(self) -> Locator:
        """What the choice means; it follows every change."""
        return self.main.get_by_role("status")

    @property
    def name(self) -> Locator:
        return self.main.get_by_label("Name", exact=True)

    def choose_type(self, type_title: str) -> None:
        """Chooses a type and waits until the summary is about it."""
        with self.page.expect_response("**/launch/summary?**"):
            self.main.get_by_role("radio", name=type_title).check()
        expect(self.main.get_by_role("radio", name=type_title)).to_be_checked()

    def choose_image(self, title: str) -> None:
        with self.page.expect_response("**/launch/summary?**"):
            self.main.get_by_label("Image").select_option(label=title)

    def type_name(self, name: str) -> None:
        """Types a name and leaves the field, which brings a new summary."""
        with self.page.expect_response("**/launch/summary?**"):
            self.name.fill(name)
            self.name.blur()
        expect(self.name).to_have_value(name)

    @property
    def button(self) -> Locator:
        return self.summary.get_by_role("button", name="Launch", exact=True)

    def launch_twice(self) -> None:
        """The impatient double click; there is one machine to be had."""
        self.button.dblclick()
        self.page.wait_for_url("**/machines/*-*")
