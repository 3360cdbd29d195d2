"""A launch means what it says or is refused, with every field at fault; its dry run says the same."""

import itertools
from uuid import uuid4

import pytest

from tests.domains.inventory.stock import plant, see
from tests.domains.provisioning.test_pages import USD, add_key, give_credit
from tests.fixtures.statements import statements

LAUNCH = "/api/v1/allocations"
OK = {"sku": "l40sx4"}
REFUSED = [
    ({"gpus": 0}, {"gpus"}),
    ({"gpus": -1}, {"gpus"}),
    ({"gpus": 5}, {"gpus"}),
    ({"gpus": 65}, {"gpus"}),
    ({"gpus": 2**62}, {"gpus"}),
    ({"sku": "cpu", "gpus": 1}, {"gpus"}),
    ({"sku": ""}, {"sku"}),
    ({"sku": "L40SX4"}, {"sku"}),
    ({"image": "windows-95"}, {"image"}),
    ({"image": " "}, {"image"}),
    ({"name": "*"}, {"name"}),
    ({"name": "train 07"}, {"name"}),
    ({"name": "=1+1"}, {"name"}),
    ({"name": " "}, {"name"}),
    ({"name": "TRAIN-07"}, {"name"}),
    ({"name": "a" * 64}, {"name"}),
    ({"name": "-x"}, {"name"}),
    ({"keys": ["00000000-0000-0000-0000-000000000000"]}, {"keys"}),
    ({"sku": "nothing", "image": "none", "name": "?", "keys": [str(uuid4())]}, {"sku", "image", "name", "keys"}),
]


@pytest.fixture
async def ada(runtime, sign_in_as):
    await plant(runtime)
    await see(runtime, ("l40sx4", "cpu"))
    browser = await sign_in_as("ada")
    await give_credit(runtime, browser, 100 * USD)
    return browser


async def test_a_launch_and_its_dry_run_refuse_the_same_and_name_the_fields(ada) -> None:
    for (change, fields), dry_run in itertools.product(REFUSED, (True, False)):
        answer = await ada.post_json(LAUNCH, {**OK, **change, "dry_run": dry_run})
        assert answer.status_code == 422, (change, answer.text)
        error = answer.json()["error"]
        assert error["code"] == "validation_error"
        assert set(error["details"]["fields"]) == fields, change
    assert (await ada.client.get(LAUNCH)).json()["items"] == []


async def test_null_and_absent_are_one_thing(ada) -> None:
    for change in ({}, {"gpus": None}, {"keys": None}):
        answer = await ada.post_json(LAUNCH, {**OK, **change, "dry_run": True})
        assert (answer.status_code, answer.json()["whole"], answer.json()["gpus"]) == (200, True, 4)


async def test_names_and_quota_are_read_once_and_by_a_launch_again_under_the_lock(ada, runtime) -> None:
    for name, dry_run, reads in (("", True, 1), ("one", True, 1), ("one", False, 2)):
        with statements(runtime, "sum(gpus)") as seen:
            answer = await ada.post_json(LAUNCH, {**OK, "name": name, "dry_run": dry_run})
        assert (answer.is_success, len(seen)) == (True, reads), answer.text


async def test_keys_of_somebody_else_are_refused_by_both(ada, sign_in_as) -> None:
    theirs, own = await add_key(await sign_in_as("ben"), "theirs"), await add_key(ada, "own")
    for dry_run in (True, False):
        answer = await ada.post_json(LAUNCH, {**OK, "keys": [own, theirs], "dry_run": dry_run})
        assert answer.status_code == 422, answer.text
        said = answer.json()["error"]["details"]["fields"]["keys"]
        assert theirs in said and own not in said
    assert (await ada.post_json(LAUNCH, {**OK, "keys": [own], "dry_run": True})).status_code == 200


async def test_a_dry_run_tells_of_too_many_keys(ada, runtime) -> None:
    from tests.domains.provisioning.world import set_policies

    await set_policies(runtime, **{"releases.keys_per_machine": 1})
    keys = [await add_key(ada, name) for name in ("one", "two")]
    forecast = (await ada.post_json(LAUNCH, {**OK, "keys": keys, "dry_run": True})).json()
    assert "At most 1 keys" in " ".join(forecast["blockers"])
    assert (await ada.post_json(LAUNCH, {**OK, "keys": keys})).status_code == 409


async def test_a_form_with_a_part_that_is_none_rents_nothing(ada) -> None:
    for gpus, part in (("2", "gpu"), ("0", "gpus"), ("-1", "gpus")):
        answer = await ada.post("/launch", sku="l40sx4", image="ubuntu-24.04", part=part, gpus=gpus)
        assert answer.status_code == 422, (part, gpus)


async def test_a_refused_public_key_names_its_field(ada) -> None:
    answer = await ada.post_json("/api/v1/ssh-keys", {"public_key": "ssh-ed25519 nonsense", "name": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "ssh_key_refused")
    assert "public_key" in answer.json()["error"]["details"]["fields"]
