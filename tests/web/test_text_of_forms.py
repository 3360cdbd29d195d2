"""Text that is typed into a form of a page: stored exactly and given back exactly, or refused."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from tests.domains.inventory.stock import plant
from tests.fixtures.app import Browser, SignIn

KEPT = [
    "\nfirst line is empty",
    "two  spaces,\u00a0one that stays ",
    "one\n\ttwo\n\nthree\n",
    "<b>\"&amp;'</b>",
    "e\u0301",
]
NAMES = ["Chloé & Söhne <b>", "می‌خواهم", "x" * 100]
REFUSED = [" a", "a  b", "a\u00a0b", "e\u0301", "x" * 101, "\u202ea"]


async def stored(runtime: Runtime, sql: str) -> list[str]:
    async with runtime.context(SYSTEM) as ctx:
        return list(await ctx.session.scalars(text(sql)))


def shown_in_area(page: str) -> str:
    """What a browser makes of the only text area: it drops one line break after the tag."""
    inside = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert inside
    return html.unescape(inside[1].removeprefix("\n"))


@pytest.fixture
async def olga(runtime: Runtime, sign_in_as: SignIn) -> Browser:
    await plant(runtime)
    return await sign_in_as("olga", operator=True)


@pytest.mark.parametrize("said", KEPT)
async def test_a_text_area_gives_back_what_was_typed(runtime: Runtime, olga: Browser, said: str) -> None:
    sent = said.replace("\n", "\r\n")  # as browsers send it
    answer = await olga.post("/admin/catalog/types/cpu", title="CPU", description=sent, position="5", on_sale="true")
    assert answer.status_code == 303, answer.text
    assert await stored(runtime, "SELECT description FROM inventory.sku_catalog WHERE code = 'cpu'") == [said]
    page = (await olga.client.get("/admin/catalog/types/cpu")).text
    assert shown_in_area(page) == said


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_stored_as_it_was_typed(runtime: Runtime, sign_in_as: SignIn, name: str) -> None:
    ada = await sign_in_as("ada")
    assert (await ada.post("/settings/organisation/projects", name=name)).status_code == 303
    assert name in await stored(runtime, "SELECT name FROM auth.projects")
    assert html.escape(name, quote=False) in (await ada.client.get("/settings/organisation")).text.replace("&#39;", "'")


@pytest.mark.parametrize("name", REFUSED)
async def test_an_odd_name_is_refused(runtime: Runtime, sign_in_as: SignIn, name: str) -> None:
    ada = await sign_in_as("ada")
    before = await stored(runtime, "SELECT name FROM auth.projects")
    answer = await ada.post("/settings/organisation/projects", name=name)
    assert answer.status_code == 422
    assert await stored(runtime, "SELECT name FROM auth.projects") == before
