"""A newcomer sees where to begin; somebody with a month of history sees it drawn, said and listed."""

import re
from uuid import uuid4

from playwright.sync_api import expect

from e2e.axe import violations
from e2e.conftest import Enter
from e2e.pages.overview import Overview
from e2e.pages.sign_in import SignIn, sign_in_as
from e2e.pages.usage import Usage

SPENT = re.compile(r"You spent \$[\d,]+\.\d\d in the last 30 days, (all|most) of it on H100 SXM ×8")


def test_a_newcomer_sees_the_first_steps_and_puts_them_away(enter: Enter) -> None:
    visitor = enter()
    sign_in_as(visitor.page, visitor.stack.issuer, visitor.stack.url, "Nils Berg")
    Overview(visitor.page).expect_first_steps()
    visitor = enter()
    sign_in = SignIn(visitor.page).open()
    sign_in.to_provider(visitor.stack.issuer)
    sign_in.as_newcomer("Vera Holm", f"vera.{uuid4().hex[:8]}@holm.example", visitor.stack.url)
    overview = Overview(visitor.page)
    overview.expect_first_steps()
    steps = overview.main.get_by_role("listitem").filter(has=visitor.page.get_by_text("To do:"))
    expect(steps).to_have_count(4)
    expect(steps.nth(1)).to_contain_text("Add credit")
    overview.main.get_by_role("button", name="Hide this list").click()
    expect(overview.main.get_by_role("heading", name="First steps")).to_have_count(0)


def test_a_month_is_drawn_said_and_listed(enter: Enter) -> None:
    visitor = enter()
    sign_in_as(visitor.page, visitor.stack.issuer, visitor.stack.url, "Dana Reyes")
    usage = Usage(visitor.page).open()
    for title in ("Spend per day", "GPU-hours per day"):
        usage.expect_drawn(title)
        usage.expect_as_wide_as_its_card(title)
    expect(usage.main.get_by_text(SPENT)).to_be_visible()
    expect(usage.read_by_keyboard("GPU-hours per day")).to_contain_text(re.compile(r"\d+ \w{3}: [\d.]+ h"))
    usage.main.get_by_role("link", name="Project").click()
    expect(
        usage.main.get_by_role("table", name="Usage by project").get_by_role("rowheader", name="vision")
    ).to_be_visible()
    usage.choose_theme("dark")
    usage.expect_as_wide_as_its_card("Spend per day")  # drawn anew, in other colours
    assert violations(visitor.page) == []
