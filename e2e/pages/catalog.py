"""The types of machines on sale, with what is free this moment."""

import re

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame


class Catalog(Frame):
    """One row a type."""

    def open(self) -> "Catalog":
        self.go("Catalog")
        expect(self.title).to_have_text("Catalog")
        return self

    def row(self, type_title: str) -> Locator:
        table = self.main.get_by_role("table", name="Types of machines")
        return table.get_by_role("row").filter(has=self.page.get_by_role("rowheader", name=type_title))

    def free_machines(self, type_title: str) -> int:
        """How many whole machines of the type are free now."""
        text = self.row(type_title).inner_text()
        found = re.search(r"(\d+) machines?\b", text)
        return int(found[1]) if found else 0

    def expect_free_machines(self, type_title: str, count: int) -> None:
        """The count gets there without a reload."""
        expect(self.row(type_title)).to_contain_text(f"{count} machine" if count else "none free")

    def launch(self, type_title: str) -> None:
        self.row(type_title).get_by_role("link", name=f"Launch {type_title}").click()
        expect(self.title).to_have_text("Launch machine")
