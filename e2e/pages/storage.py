"""Files: namespaces, folders, the uploader, one file."""

import hashlib
from pathlib import Path

from playwright.sync_api import Locator, expect

from e2e.pages.frame import Frame

UPLOADED_MS = 60_000


def sha256(path: Path) -> str:
    """Of a file on this computer, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Storage(Frame):
    """The namespaces of the project."""

    def open(self) -> "Storage":
        self.go("Storage")
        expect(self.title).to_have_text("Storage")
        return self

    def create(self, name: str) -> "Folder":
        self.page.get_by_role("button", name="New namespace").click()
        dialog = self.page.get_by_role("dialog", name="New namespace")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_role("button", name="Create").click()
        folder = Folder(self.page)
        expect(folder.title).to_have_text(name)
        return folder


class Folder(Frame):
    """One folder, with the uploader."""

    @property
    def uploader(self) -> Locator:
        return self.main.get_by_role("region", name="Upload")

    @property
    def summary(self) -> Locator:
        return self.uploader.locator("[data-sum]")

    @property
    def offer(self) -> Locator:
        """What is said about uploads that were not finished."""
        return self.uploader.locator("[data-resume]")

    @property
    def rows(self) -> Locator:
        return self.main.get_by_role("table", name="Files").get_by_role("rowheader")

    def choose(self, *paths: Path) -> None:
        self.uploader.get_by_label("Choose files").set_input_files(list(paths))

    def choose_folder(self, path: Path) -> None:
        self.uploader.get_by_label("Choose a folder").set_input_files(path)

    def expect_uploaded(self, count: int, patience_ms: int = UPLOADED_MS) -> None:
        words = f"{count:,} file uploaded." if count == 1 else f"{count:,} files uploaded."
        expect(self.summary).to_have_text(words, timeout=patience_ms)

    def enter(self, name: str) -> "Folder":
        self.rows.get_by_role("link", name=name, exact=True).click()
        expect(self.title).to_have_text(name)
        return self

    def delete(self, name: str) -> None:
        self.main.get_by_role("button", name=f"Delete {name}", exact=True).click()
        expect(self.main.get_by_text(f"{name} was deleted.")).to_be_visible()

    def undo(self) -> None:
        self.main.get_by_role("button", name="Undo").click()

    def downloaded_sha256(self, name: str) -> str:
        """Of the bytes that the file's Download leads to, taken by the browser."""
        with self.page.expect_download() as waiting:
            self.main.get_by_role("link", name=f"Download {name}", exact=True).click()
        return sha256(Path(waiting.value.path()))
