"""The gallery of apps, the launch form, one app, and the app itself in a tab of its own."""

from playwright.sync_api import Locator, Page, expect

from e2e.pages.frame import Frame

UP_MS = 180_000  # an installation on two busy cores


class Apps(Frame):
    """What is on offer, and one's apps."""

    def open(self) -> "Apps":
        self.go("Apps")
        expect(self.title).to_have_text("Apps")
        return self

    def launch(self, title: str) -> "LaunchApp":
        self.main.get_by_role("link", name=f"Launch {title}").click()
        expect(self.title).to_have_text("Launch app")
        return LaunchApp(self.page)

    @property
    def rows(self) -> Locator:
        return self.main.get_by_role("table", name="Apps").get_by_role("rowheader")


class LaunchApp(Frame):
    """Choose app, version, machine and name."""

    def choose_machine(self, name: str) -> None:
        with self.page.expect_response("**/apps/launch?**"):
            self.main.get_by_label("Machine").select_option(label=name)

    def launch_twice(self) -> "App":
        """The impatient double click; one app is launched."""
        self.main.get_by_role("button", name="Launch app").dblclick()
        self.page.wait_for_url("**/apps/*-*-*")
        return App(self.page)


class App(Frame):
    """One app."""

    def expect_state(self, word: str) -> None:
        """It gets there without a reload."""
        expect(self.main.get_by_role("group", name="State")).to_contain_text(word, timeout=UP_MS)

    def expect_step_done(self, label: str) -> None:
        expect(self.main.get_by_role("listitem").filter(has_text=f"{label}, done")).to_be_visible(timeout=UP_MS)

    def open_in_new_tab(self) -> Page:
        """The app itself, on its own origin."""
        with self.page.context.expect_page() as opened:
            self.main.get_by_role("link", name="Open", exact=True).click()
        opened.value.wait_for_url("http://*.localhost:*/**")
        return opened.value

    def act(self, label: str) -> None:
        self.main.get_by_role("button", name=label, exact=True).click()

    @property
    def log(self) -> Locator:
        return self.main.get_by_role("log")

    def release(self) -> None:
        self.main.get_by_role("button", name="Release…").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Release").click()
        self.expect_state("released")
