"""`berth login` with the loopback redirect, as a service account, refresh across processes, and what is kept where."""

import asyncio
import json

import pytest

from tests.cli.conftest import Berth, address_of, allow, sign_in
from tests.fixtures.app import expire

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def test_a_person_signs_in_with_the_browser_and_out_again(berth: Berth, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    await sign_in(berth, ada)
    assert berth.file.stat().st_mode & 0o777 == 0o600
    assert berth.file.parent.stat().st_mode & 0o777 == 0o700
    kept = json.loads(berth.file.read_text())["servers"][berth.url]
    said = await berth.ok("whoami")
    for words in ("Ada", "default", "tenant_owner", berth.url):
        assert words in said
    assert json.loads(await berth.ok("whoami", "--json"))["id"] == str(ada.actor.id)
    assert not any(secret in said for secret in kept.values() if secret)
    sessions = (await ada.client.get("/settings/sessions")).text
    assert "berth command line on" in sessions
    assert "Signed out" in await berth.ok("logout")
    assert "berth command line on" not in (await ada.client.get("/settings/sessions")).text
    status, out, err = await berth.run("whoami")
    assert (status, out) == (3, "")
    assert "berth login" in err


async def test_a_person_who_does_not_allow_it_is_not_signed_in(berth: Berth, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    terminal = await berth.terminal("login", "--no-browser")
    assert "not let in" in await allow(ada, await address_of(terminal), deny=True)
    assert await terminal.end() == 3
    assert "not allowed" in terminal.seen
    assert not berth.file.exists()


async def test_two_commands_at_once_renew_one_token_once(berth: Berth, ada) -> None:
    content = json.loads(berth.file.read_text())
    before = content["servers"][berth.url]["refresh_token"]
    content["servers"][berth.url]["access_token"] = "eyJ.over.x"
    berth.file.write_text(json.dumps(content))
    answers = await asyncio.gather(*(berth.run("whoami") for _ in range(3)))
    assert [status for status, _, _ in answers] == [0, 0, 0]
    after = json.loads(berth.file.read_text())["servers"][berth.url]
    assert after["refresh_token"] != before
    assert "Ada" in await berth.ok("whoami")


async def test_a_sign_in_that_was_ended_elsewhere_asks_to_sign_in_again(berth: Berth, ada, runtime) -> None:
    listed = (await ada.client.get("/settings/sessions")).text.partition("berth command line on")[2]
    path = next(part.partition('"')[0] for part in listed.split('action="')[1:] if part.startswith("/settings/sess"))
    assert (await ada.post(path)).status_code == 303
    await expire(runtime)
    status, _, err = await berth.run("ls")
    assert status == 3
    assert "berth login" in err


async def test_a_service_account_signs_in_with_its_secret_from_the_environment_or_standard_input(
    berth: Berth, sign_in_as
) -> None:
    ada = await sign_in_as("ada")
    account = (await ada.post_json("/api/v1/service-accounts", {"name": "ci"})).json()
    made = (await ada.post_json(f"/api/v1/service-accounts/{account['id']}/credentials", None)).json()
    secret = made["client_secret"]
    out = await berth.ok("login", "--client-id", made["client_id"], BERTH_CLIENT_SECRET=secret)
    assert "Signed in" in out
    assert secret not in out
    assert "service account" in await berth.ok("whoami")
    await berth.ok("logout")
    status, _, _ = await berth.run("login", "--client-id", made["client_id"], given=secret + "\n")
    assert status == 0
    status, _, err = await berth.run("login", "--client-id", made["client_id"], given="wrong\n")
    assert status == 3
    assert "wrong" not in err
    token = json.loads(berth.file.read_text())["servers"][berth.url]["access_token"]
    assert json.loads(await berth.ok("whoami", "--json", BERTH_TOKEN=token))["kind"] == "service_account"
