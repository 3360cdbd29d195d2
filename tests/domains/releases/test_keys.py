"""People's own keys through the page and the API: register, refuse, rename, revoke; nobody sees another's."""

import asyncssh
import pytest
from sqlalchemy import text

pytestmark = pytest.mark.anyio


def new_key(comment: str = "") -> str:
    line = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    return f"{line} {comment}".strip()


async def add(person, key: str, name: str = "", idempotency: str | None = None):
    return await person.post_json("/api/v1/ssh-keys", {"public_key": key, "name": name}, idempotency)


def headers(person, **more: str) -> dict[str, str]:
    return {"sec-fetch-site": "same-origin", "x-csrftoken": person.csrf, "x-idempotency-key": new_key(), **more}


async def test_a_key_is_registered_listed_and_shown(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    key = new_key("ada@laptop")
    answer = await add(ada, key)
    assert answer.status_code == 201
    said = answer.json()
    assert (said["name"], said["algorithm"], said["last_used_at"]) == ("ada@laptop", "ssh-ed25519", None)
    assert said["fingerprint"].startswith("SHA256:")
    assert answer.headers["etag"] == '"1"'
    listed = (await ada.client.get("/api/v1/ssh-keys")).json()
    assert [item["id"] for item in listed["items"]] == [said["id"]]
    page = (await ada.client.get("/settings/keys")).text
    for words in ("ada@laptop", said["fingerprint"], "no use known", "Rename"):
        assert words in page


async def test_the_page_without_keys_says_the_first_step(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    page = (await ada.client.get("/settings/keys")).text
    assert "ssh-keygen -t ed25519" in page
    assert "RSA from 3072 bits" in page


async def test_the_form_adds_and_refuses_with_the_reason(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    assert (await ada.post("/settings/keys", public_key=new_key(), name="laptop")).status_code == 303
    refused = await ada.post("/settings/keys", public_key="-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")
    assert refused.status_code == 422
    assert "private key" in refused.text
    assert "c2VjcmV0" not in refused.text
    assert "laptop" in (await ada.client.get("/settings/keys")).text


async def test_the_same_key_and_the_same_name_are_refused_each_by_its_reason(sign_in_as) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    key = new_key()
    assert (await add(ada, key, "one")).status_code == 201
    assert (await add(ada, key, "two")).json()["error"]["code"] == "ssh_key_registered"
    assert (await add(ada, new_key(), "one")).json()["error"]["code"] == "ssh_key_name_taken"
    assert (await add(ben, key, "one")).status_code == 201  # nobody learns what others have


async def test_a_repeated_request_registers_once(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    key = new_key()
    first, second = [await add(ada, key, "one", "same") for _ in range(2)]
    assert first.json() == second.json()


async def test_a_rename_keeps_to_the_version_that_was_seen(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    key_id = (await add(ada, new_key(), "one")).json()["id"]
    path = f"/api/v1/ssh-keys/{key_id}"
    etag = (await ada.client.get(path)).headers["etag"]
    renamed = await ada.client.patch(path, json={"name": "two"}, headers=headers(ada, **{"if-match": etag}))
    assert (renamed.status_code, renamed.json()["name"]) == (200, "two")
    late = await ada.client.patch(path, json={"name": "three"}, headers=headers(ada, **{"if-match": etag}))
    assert late.status_code == 412
    empty = await ada.client.patch(path, json={"name": " "}, headers=headers(ada))
    assert empty.status_code == 422


async def test_a_revoked_key_is_gone_and_may_come_again(sign_in_as, open_context) -> None:
    ada = await sign_in_as("ada")
    key = new_key()
    key_id = (await add(ada, key, "one")).json()["id"]
    assert (await ada.client.delete(f"/api/v1/ssh-keys/{key_id}", headers=headers(ada))).status_code == 200
    assert (await ada.client.get(f"/api/v1/ssh-keys/{key_id}")).status_code == 404
    assert (await add(ada, key, "one")).status_code == 201
    async with open_context() as ctx:
        audited = await ctx.session.scalars(text("SELECT action FROM admin.audit_logs WHERE action LIKE 'ssh_key.%'"))
        assert sorted(audited) == ["ssh_key.add", "ssh_key.add", "ssh_key.revoke"]


async def test_a_key_of_somebody_else_is_not_there(sign_in_as) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    key_id = (await add(ada, new_key(), "one")).json()["id"]
    path = f"/api/v1/ssh-keys/{key_id}"
    assert (await ben.client.get(path)).status_code == 404
    assert (await ben.client.delete(path, headers=headers(ben))).status_code == 404
    assert (await ben.client.patch(path, json={"name": "x"}, headers=headers(ben))).status_code == 404
    assert (await ben.post(f"/settings/keys/{key_id}/revoke")).status_code == 404


async def test_there_is_a_limit_and_it_is_said(sign_in_as, runtime) -> None:
    from tests.domains.provisioning.world import set_policies

    await set_policies(runtime, **{"releases.keys_most": 1})
    ada = await sign_in_as("ada")
    assert (await add(ada, new_key(), "one")).status_code == 201
    refused = await add(ada, new_key(), "two")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ssh_key_limit")
    assert "Revoke one" in refused.json()["error"]["message"]


@pytest.mark.parametrize(("comment", "fits"), [("x" * 100, True), ("x" * 101, False), ("two  spaces", False)])
async def test_a_comment_becomes_the_name_as_it_is_or_a_name_is_asked_for(sign_in_as, comment: str, fits: bool) -> None:
    ada = await sign_in_as("ada")
    key = new_key(comment)
    answer = await add(ada, key)
    if fits:
        assert answer.status_code == 201 and answer.json()["name"] == comment
    else:
        assert answer.status_code == 422
        assert "give it one" in answer.json()["error"]["details"]["fields"]["name"]
        assert (await add(ada, key, "laptop")).json()["name"] == "laptop"
