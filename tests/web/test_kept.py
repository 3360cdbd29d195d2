"""Lists of the API that are kept: no statement for who asks again, and nobody sees what is not theirs or not true."""

import pytest

from app.shared.context import Runtime
from app.shared.readcache import ReadCache
from tests.domains.auth.test_session_cache import statements
from tests.fixtures.app import SignIn
from tests.shared.readcache.conftest import hears, stand_still

LISTS = ("/api/v1/skus", "/api/v1/images", "/api/v1/allocations", "/api/v1/billing/ledger", "/api/v1/projects")


@pytest.mark.parametrize("path", LISTS)
async def test_who_has_it_already_costs_no_statement(path: str, runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    stand_still(runtime.part(ReadCache))
    first = await ada.client.get(path)
    assert first.status_code == 200 and first.headers["cache-control"] == "private, no-cache"
    with statements(runtime) as asked:
        again = await ada.client.get(path, headers={"if-none-match": first.headers["etag"]})
        whole = await ada.client.get(path)
    assert (again.status_code, again.content) == (304, b"") and again.headers["etag"] == first.headers["etag"]
    assert (whole.status_code, whole.content) == (200, first.content)
    assert whole.headers["content-type"] == first.headers["content-type"]
    assert not asked


async def test_a_change_is_in_the_next_answer(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada, path = await sign_in_as("ada"), "/api/v1/projects"
    await hears(runtime.part(ReadCache))
    before = await ada.client.get(path)
    assert (await ada.post_json(path, {"name": "Harbour"})).status_code == 201
    after = await ada.client.get(path, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200 and "Harbour" in after.text


async def test_another_organisation_is_answered_for_itself(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada, mallory = await sign_in_as("ada"), await sign_in_as("mallory")
    await hears(runtime.part(ReadCache))
    mine = await ada.client.get("/api/v1/projects")
    theirs = await mallory.client.get("/api/v1/projects", headers={"if-none-match": mine.headers["etag"]})
    assert theirs.status_code == 200 and theirs.content != mine.content


async def test_an_etag_opens_nothing(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    etag = (await ada.client.get("/api/v1/projects")).headers["etag"]
    assert (await ada.post("/logout")).status_code == 303
    gone = await ada.client.get("/api/v1/projects", headers={"if-none-match": etag})
    assert gone.status_code == 401


async def test_another_query_is_another_answer(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    assert (await ada.client.get("/api/v1/projects")).status_code == 200
    refused = await ada.client.get("/api/v1/projects", params={"limit": "0"})
    assert refused.status_code == 422 and "etag" not in refused.headers
