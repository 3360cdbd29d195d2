"""Addresses, encodings and signatures: what a real MAAS 3.7.3 was seen to do (its facts' sections 1 and 2)."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from devstack.simulators.http import Request
from devstack.simulators.maas.call import read_form
from tests.simulators.maas_world import ADMIN_KEY, OUR_KEY, World, authorization, region, sample


@pytest.fixture
async def maas(tmp_path: Path) -> AsyncIterator[World]:
    async with region(tmp_path) as world:
        yield world


async def test_health_and_version_need_no_signature(maas: World) -> None:
    origin = maas.url.removesuffix("/MAAS")
    assert (await maas.client.get(f"{origin}/healthz")).text == "ok"
    version = await maas.client.get("version/")
    assert version.json() == sample("version")
    assert version.headers["content-type"] == "application/json; charset=utf-8"
    plain = await maas.client.get(f"{maas.url}/api/version/")
    assert (plain.text, plain.headers["content-type"].split(";")[0]) == ("2.0", "text/plain")
    assert (await maas.client.get(f"{maas.url}/api/1.0/machines/")).status_code == 410


async def test_the_trailing_slash_is_required_even_before_a_signature(maas: World) -> None:
    answer = await maas.client.get("users")
    assert (answer.status_code, answer.text) == (404, "Unknown API endpoint: /MAAS/api/2.0/users.")


async def test_one_pool_is_singular_and_many_are_plural(maas: World) -> None:
    pools = (await maas.us.get("resourcepools/")).json()
    assert {pool["name"] for pool in pools} == {"default", "berth", "other"}
    assert pools[0].keys() == sample("resourcepools")[0].keys()
    assert (await maas.us.get("resourcepool/1/")).json()["name"] == "berth"
    assert (await maas.us.get("resourcepools/1/")).status_code == 404


async def test_an_operation_may_be_named_in_query_form_or_path(maas: World) -> None:
    node = await maas.us.machine("node-01")
    path = f"machines/{node['system_id']}/"
    in_query = await maas.client.post(f"{path}?op=release", headers=authorization(OUR_KEY))
    in_form = await maas.client.post(path, data={"op": "release"}, headers=authorization(OUR_KEY))
    in_path = await maas.client.post(f"{path}op-release", headers=authorization(OUR_KEY))
    assert [answer.status_code for answer in (in_query, in_form, in_path)] == [200, 200, 200]


async def test_unknown_operations_and_methods_are_told_apart(maas: World) -> None:
    unknown = await maas.us.post("machines/", "x")
    assert (unknown.status_code, unknown.text) == (400, "Unrecognised signature: method=POST op=x")
    head = await maas.client.head("zones/", headers=authorization(OUR_KEY))
    assert (head.status_code, head.headers["allow"]) == (405, "GET")
    options = await maas.client.request("OPTIONS", "machines/", headers=authorization(OUR_KEY))
    assert (options.status_code, options.headers["allow"]) == (405, "GET, POST")


async def test_answers_are_indented_by_four_and_carry_the_api_hash(maas: World) -> None:
    answer = await maas.us.get("zones/")
    assert re.match(r"\[\n    \{\n        \"", answer.text)
    assert re.fullmatch(r"[0-9a-f]{40}", answer.headers["x-maas-api-hash"])


async def test_urlencoded_and_multipart_bodies_are_both_read(maas: World) -> None:
    one = await maas.us.machine("node-01")
    form = await maas.client.post(
        f"machines/{one['system_id']}/?op=deploy", data={"distro_series": "jammy"}, headers=authorization(OUR_KEY)
    )
    two = await maas.us.machine("node-02")
    parts = {"distro_series": (None, "custom/ml-noble"), "op": (None, "deploy")}
    multipart = await maas.client.post(f"machines/{two['system_id']}/", files=parts, headers=authorization(OUR_KEY))
    assert form.json()["distro_series"] == "jammy"
    assert (multipart.json()["osystem"], multipart.json()["distro_series"]) == ("custom", "ml-noble")


async def test_a_json_body_is_silently_overlooked_by_deploy(maas: World) -> None:
    node = await maas.us.machine("node-01")
    answer = await maas.client.post(
        f"machines/{node['system_id']}/?op=deploy", json={"distro_series": "jammy"}, headers=authorization(OUR_KEY)
    )
    assert (answer.status_code, answer.json()["distro_series"]) == (200, "noble")


async def test_a_json_body_breaks_allocate_and_bad_json_is_a_bad_request(maas: World) -> None:
    url, signed = "machines/?op=allocate", lambda: authorization(OUR_KEY)
    broken = await maas.client.post(url, json={"name": "node-01"}, headers=signed())
    assert (broken.status_code, broken.text) == (500, "'dict' object has no attribute 'lists'")
    kind = {"content-type": "application/json"}
    bad = await maas.client.post(url, content=b"{", headers=signed() | kind)
    assert (bad.status_code, bad.text) == (400, "Bad Request")
    other = await maas.client.post(url, content=b"x", headers=signed() | {"content-type": "text/csv"})
    assert other.status_code == 500


async def test_deploy_takes_boolean_words_and_release_takes_any_word_for_true(maas: World) -> None:
    node = await maas.us.machine("node-01")
    path = f"machines/{node['system_id']}/"
    refused = await maas.us.post(path, "deploy", ephemeral_deploy="maybe")
    assert refused.status_code == 400
    assert refused.text == "Invalid ephemeral_deploy: Value should be 'true' or 'false'"
    assert (await maas.us.post(path, "deploy", ephemeral_deploy="Yes")).json()["ephemeral_deploy"] is True
    assert (await maas.us.post(path, "release", erase="maybe")).json()["status_name"] == "Disk erasing"


@pytest.mark.parametrize("word", ["false", "False", "0"])
async def test_only_false_and_zero_are_false_to_release(maas: World, word: str) -> None:
    node = await maas.us.deployed("node-01")
    answer = await maas.us.post(f"machines/{node['system_id']}/", "release", erase=word)
    assert answer.json()["status_name"] == "Releasing"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}])
async def test_without_oauth_it_is_401_forbidden_or_an_anonymous_400(maas: World, header: dict[str, str]) -> None:
    answer = await maas.client.get("users/?op=whoami", headers=header)
    assert (answer.status_code, answer.text) == (401, "Forbidden")
    twin = await maas.client.get("machines/", headers=header)
    assert (twin.status_code, twin.text) == (400, "Unrecognised signature: method=GET op=None")


@pytest.mark.parametrize("missing", ["oauth_nonce", "oauth_timestamp", "oauth_signature", "oauth_signature_method"])
async def test_six_oauth_parts_are_needed_and_the_version_is_not(maas: World, missing: str) -> None:
    answer = await maas.client.get("users/?op=whoami", headers=authorization(OUR_KEY, **{missing: ""}))
    assert (answer.status_code, answer.text) == (401, "Forbidden")
    fine = await maas.client.get("users/?op=whoami", headers=authorization(OUR_KEY, oauth_version=""))
    assert fine.status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oauth_consumer_key": "nobody"}, "Authorization Error: Invalid API key."),
        ({"oauth_token": "nothing"}, "'Invalid access token: nothing'"),
        ({"oauth_signature": "%26wrong"}, "Expected signature base string: &berthSecret0000000000000000000001"),
        ({"oauth_signature": "%2526berthSecret0000000000000000000001"}, "Expected signature base string"),
    ],
)
async def test_a_wrong_key_is_401_html_and_tells_too_much(maas: World, changes: dict[str, str], said: str) -> None:
    answer = await maas.client.get("users/?op=whoami", headers=authorization(OUR_KEY, **changes))
    assert answer.status_code == 401
    assert said in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["www-authenticate"] == 'OAuth realm="OAuth"'


async def test_a_nonce_serves_once_and_is_remembered_over_a_restart(tmp_path: Path) -> None:
    header = authorization(OUR_KEY)
    async with region(tmp_path) as maas:
        assert (await maas.client.get("zones/", headers=header)).status_code == 200
        again = await maas.client.get("zones/", headers=header)
        assert (again.status_code, "Nonce already used" in again.text) == (401, True)
    async with region(tmp_path) as maas:
        assert (await maas.client.get("zones/", headers=header)).status_code == 401


async def test_old_timestamps_are_refused_and_future_ones_are_not(maas: World) -> None:
    now = int(time.time())
    old = await maas.client.get("zones/", headers=authorization(OUR_KEY, oauth_timestamp=str(now - 400)))
    assert old.status_code == 401
    assert re.search(r"Expired timestamp: given \d+ and now \d+ has a greater difference than threshold 300", old.text)
    future = await maas.client.get("zones/", headers=authorization(OUR_KEY, oauth_timestamp=str(now + 4000)))
    assert future.status_code == 200


async def test_whoami_tells_the_key_s_owner(maas: World) -> None:
    me = (await maas.us.get("users/", op="whoami")).json()
    assert me.keys() == sample("whoami").keys()
    assert (me["username"], me["is_superuser"]) == ("berth", False)
    signed = await maas.client.get("users/?op=whoami", headers=authorization(ADMIN_KEY))
    assert signed.json()["is_superuser"] is True


async def test_the_anonymous_may_ask_whether_a_mac_is_known(maas: World) -> None:
    node = await maas.us.machine("node-01")
    mac = node["boot_interface"]["mac_address"]
    known: httpx2.Response = await maas.client.get("machines/", params={"op": "is_registered", "mac_address": mac})
    assert known.json() is True


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"--B\r\n\r\n--B--", {}),
        (b"--B--\r\n", {}),
        (b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--\r\n', {"a": ["1"]}),
        (
            b'--B\r\nContent-Transfer-Encoding: BASE64\r\nContent-Disposition: form-data; name="a"\r\n\r\nw6k=\r\n'
            b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n--x\r\n\r\ny\r\n--B--',
            {"a": ["\u00e9", "--x\r\n\r\ny"]},
        ),
    ],
)
@pytest.mark.parametrize("boundary", ["B", '"B"'])
def test_multipart_bodies_are_read_as_django_reads_them(
    boundary: str, body: bytes, found: dict[str, list[str]]
) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    assert read_form(Request("POST", "/", "", headers, body)) == found
