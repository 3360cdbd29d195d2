"""Pictures of the pages that need no story: `./berth pictures` draws them with the demonstration's own history.

Not part of the test run (its name does not begin with test_): it proves nothing that test_face.py does not.
"""

import pytest

from e2e.conftest import Enter
from e2e.pages.sign_in import sign_in_as
from e2e.stack import Stack

CUSTOMER = "Dana Reyes"
OPERATOR = "Olga Lind"
PAGES = {
    CUSTOMER: {
        "demo-overview": "/",
        "usage": "/billing/usage",
        "apps": "/apps",
        "storage": "/storage",
        "team": "/team",
        "activity": "/activity",
        "inbox": "/notifications",
        "keys": "/settings/keys",
        "webhooks": "/settings/webhooks",
        "developers": "/developers",
    },
    OPERATOR: {
        "operator-fleet": "/admin",
        "operator-machines": "/admin/allocations",
        "operator-customers": "/admin/customers",
        "operator-catalog": "/admin/catalog",
        "operator-money": "/admin/money",
        "operator-audit": "/admin/audit",
        "operator-policies": "/admin/policies",
        "operator-events": "/admin/events",
        "operator-system": "/admin/system",
    },
}


@pytest.mark.parametrize("who", PAGES)
def test_the_pages_of(enter: Enter, stack: Stack, who: str) -> None:
    visitor = enter()
    sign_in_as(visitor.page, stack.issuer, stack.url, who)
    for name, path in PAGES[who].items():
        answer = visitor.page.goto(path)
        assert answer is not None and answer.ok, path
        visitor.pictures.take(name)
