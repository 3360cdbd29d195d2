"""The list of machines, one machine from launch to receipt."""

from decimal import Decimal

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame, dollars

READY_MS = 90_000  # a deployment on two busy cores; about ten seconds on a quiet machine
FREED_MS = 60_000


class Machines(Frame):
    """Every machine of the project."""

    def open(self) -> "Machines":
        self.go("Machines")
        expect(self.title).to_have_text("Machines")
        return self

    @property
    def rows(self) -> Locator:
        return self.main.get_by_role("table", name="Machines").get_by_role("rowheader")


class Machine(Frame):
    """One machine."""

    def expect_here(self, name: str) -> None:
        expect(self.title).to_have_text(name)

    @property
    def timeline(self) -> Locator:
        return self.main.get_by_role("listitem")

    def expect_step_done(self, label: str) -> None:
        expect(self.timeline.filter(has_text=f"{label}, done")).to_be_visible(timeout=READY_MS)

    def expect_running(self) -> None:
        """It gets there without a reload."""
        expect(self.main.get_by_text("Active", exact=True)).to_be_visible(timeout=READY_MS)
        expect(self.main.get_by_role("link", name="Open terminal")).to_be_visible()

    @property
    def cost(self) -> Locator:
        """The figure under "Cost so far"."""
        return self.main.get_by_role("group", name="Cost so far")

    def login(self) -> str:
        """One's name on the machine, as the page says it."""
        return self.main.get_by_role("definition").filter(has_text="(uid ").inner_text().partition(" ")[0]

    def open_terminal(self) -> None:
        self.main.get_by_role("link", name="Open terminal").click()
        self.page.wait_for_url("**/terminal")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def ask_to_give_back(self, name: str) -> None:
        """Opens the dialog; its button waits for the name."""
        self.main.get_by_role("button", name="Release…").click()
        expect(self.dialog.get_by_role("heading", name=f"Release {name}")).to_be_visible()
        expect(self.dialog.get_by_role("button", name="Release")).to_be_disabled()

    def confirm_twice(self, name: str) -> None:
        self.dialog.get_by_label("to confirm").fill(name)
        self.dialog.get_by_role("button", name="Release").dblclick()
        expect(self.dialog).to_be_hidden()

    def expect_given_back(self) -> None:
        """All of it: erased and free again."""
        expect(self.main.get_by_text("Released", exact=True)).to_be_visible(timeout=FREED_MS)

    def open_receipt(self) -> None:
        self.main.get_by_role("link", name="Receipt").click()
        self.page.wait_for_url("**/receipt")


class Receipt(Frame):
    """What a machine cost and why."""

    @property
    def lines(self) -> Locator:
        """The charged intervals, without the header and without the total."""
        table = self.main.get_by_role("table", name="How it adds up")
        return table.get_by_role("row").filter(has=self.page.get_by_role("cell")).filter(has_not_text="Total")

    @property
    def total(self) -> Decimal:
        table = self.main.get_by_role("table", name="How it adds up")
        return dollars(table.get_by_role("row").filter(has_text="Total").inner_text())

    def read(self) -> list[tuple[int, Decimal, Decimal]]:
        """Seconds, dollars per hour and amount of each line."""
        found = []
        for line in self.lines.all():
            _, seconds, price, amount = [cell.inner_text() for cell in line.get_by_role("cell").all()]
            found.append((int(seconds.replace(",", "")), dollars(price), dollars(amount)))
        return found
