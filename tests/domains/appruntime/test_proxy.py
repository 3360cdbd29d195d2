"""The echo app on a real simulated machine, through the real server: what passes the proxy, and what does not."""

from collections.abc import Awaitable, Callable

import pytest

from app.domains.appruntime.contracts import AppView
from app.domains.terminal.contracts import PROTOCOL  # noqa: F401 - the domain is there
from tests.domains.appruntime.world import Desk, Tab
from tests.domains.terminal.world import Visitor

pytestmark = pytest.mark.commits
Visit = Callable[..., Awaitable[Visitor]]
Open = Callable[[AppView], Tab]


async def test_a_click_leads_to_the_app_and_leaves_no_code_in_the_address(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    entered = await tab.enter(ada, app.id)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert entered.headers["referrer-policy"] == "no-referrer"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie
    shown = await tab.get("/")
    assert shown.status_code == 200 and "<h1>Echo</h1>" in shown.text
