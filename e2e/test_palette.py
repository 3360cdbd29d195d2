"""Everything by keyboard: search and jump, shortcuts, a jump by letters; and the same search without scripts."""

import re

from playwright.sync_api import expect

from e2e.conftest import Enter
from e2e.pages.sign_in import sign_in_as
from e2e.stack import Stack


def test_a_person_gets_anywhere_by_keyboard(enter: Enter, stack: Stack) -> None:
    visitor = enter()
    page = visitor.page
    sign_in_as(page, stack.issuer, stack.url, "Ada Marsh")
    page.goto("/")

    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search or jump")
    field = palette.get_by_role("combobox")
    expect(field).to_be_focused()
    options = palette.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("catal")
    expect(options).to_have_count(1)
    visitor.pictures.take("palette")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/catalog$"))

    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("Search or jump")
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()

    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile("/machines$"))

    page.keyboard.press("/")
    page.keyboard.type("nothing of that name")
    expect(palette.get_by_role("status")).to_contain_text("Nothing is called")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_search_is_a_page_without_scripts(enter: Enter, stack: Stack) -> None:
    state = enter()
    sign_in_as(state.page, stack.issuer, stack.url, "Ada Marsh")
    page = enter(storage_state=state.context.storage_state(), java_script_enabled=False).page
    page.goto("/catalog")
    page.get_by_role("link", name="Search or jump").click()
    page.get_by_role("searchbox").or_(page.get_by_label("Pages, actions and things by name")).fill("billing")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("main").get_by_role("link", name="Billing").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Billing")
