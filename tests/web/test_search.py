"""Search finds what the person may open, and nothing else."""

from typing import Any

from tests.fixtures.app import SignIn

HTMX = {"hx-request": "true"}


async def test_pages_and_actions_are_found_by_a_few_letters(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    answer = await ada.client.get("/search", params={"q": "mach"})
    assert answer.status_code == 200
    assert 'href="/machines"' in answer.text
    assert 'href="/launch"' in answer.text
    assert "/admin" not in answer.text.partition('class="found"')[2]


async def test_the_palette_gets_options_only(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    answer = await ada.client.get("/search", params={"q": "catalog"}, headers=HTMX)
    assert answer.text.lstrip().startswith("<div")
    assert answer.text.count('role="option"') == 1


async def test_an_operator_finds_the_console_and_no_customer_pages(sign_in_as: SignIn) -> None:
    olga = await sign_in_as("olga", operator=True)
    found = (await olga.client.get("/search", params={"q": "nodes"}, headers=HTMX)).text
    assert 'href="/admin/nodes"' in found
    assert "/launch" not in (await olga.client.get("/search", params={"q": "launch"}, headers=HTMX)).text


async def test_what_is_typed_is_shown_as_text(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    hostile: Any = "<img src=x onerror=alert(1)>%_\\"
    answer = await ada.client.get("/search", params={"q": hostile})
    assert answer.status_code == 200
    assert "<img src=x" not in answer.text
