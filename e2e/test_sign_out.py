"""Signing out in a real browser: our session ends, then the provider's, with scripts and without."""

import re

import pytest
from playwright.sync_api import Route, WebSocket, expect

from e2e.conftest import Enter
from e2e.pages.sign_in import sign_in_as
from e2e.stack import Stack


def _answer_late(route: Route, sockets: list[WebSocket]) -> None:
    """The answer to signing out, only after the page has heard by its socket that the session is over."""
    answer = route.fetch()
    if not sockets[-1].is_closed():
        sockets[-1].wait_for_event("close")
    route.fulfill(response=answer)


@pytest.mark.parametrize("scripts", [True, False])
def test_who_signs_out_is_signed_out_here_and_at_the_provider(enter: Enter, stack: Stack, scripts: bool) -> None:
    state = enter()
    state.watch.expect_refusals(401)  # its page may ask for news just when the session is over
    sign_in_as(state.page, stack.issuer, stack.url, "Ada Marsh")
    page = enter(storage_state=state.context.storage_state(), java_script_enabled=scripts).page
    ended: list[str] = []
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.on("request", lambda request: ended.append(request.method) if "/end_session" in request.url else None)
    page.goto("/settings/sessions")
    page.locator("summary", has_text="account of Ada Marsh").click()
    if scripts:
        page.route("**/logout", lambda route: _answer_late(route, sockets))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(re.escape(stack.issuer)))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login\?next="))
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert ended == ["GET", "POST"]
    page.goto("/settings/sessions")
    expect(page).to_have_url(re.compile("/login"))
