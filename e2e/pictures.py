"""Pictures of pages in the states that a journey reaches: light, dark and on a phone.

Taken by `./berth pictures` alone (`BERTH_E2E_PICTURES=1`), into `docs/screenshots`, to be looked at and committed.
"""

import os

from playwright.sync_api import Page

from e2e.stack import ROOT
from e2e.steps import Steps

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 780}


class Pictures:
    """Takes three pictures at a time and leaves the page as it was. The time it takes is not the journey's."""

    def __init__(self, page: Page, steps: Steps) -> None:
        self._page = page
        self._steps = steps
        self._wanted = os.environ.get("BERTH_E2E_PICTURES") == "1"
        self._folder = ROOT / "docs/screenshots"

    def take(self, name: str) -> None:
        """`name`-light.png and `name`-dark.png at 1440 x 900, `name`-360.png at 360 x 780."""
        if not self._wanted:
            return
        page = self._page
        with self._steps.aside():
            page.emulate_media(color_scheme="dark")
            self._shoot(f"{name}-dark.png")
            page.emulate_media(color_scheme="light")
            self._shoot(f"{name}-light.png")
            page.set_viewport_size(PHONE)
            self._shoot(f"{name}-360.png")
            page.set_viewport_size(DESK)

    def _shoot(self, name: str) -> None:
        self._page.evaluate("() => document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
        self._page.screenshot(path=self._folder / name, animations="disabled", caret="hide", scale="css")
