"""The pages and the API of machines, through the whole application on real PostgreSQL; no provisioner runs."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import asyncssh
import pytest

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.billing.events import TenantExhausted
from app.domains.inventory.contracts import NewImage
from app.domains.inventory.service.catalog import add_sku
from app.domains.inventory.service.images import add_image
from app.domains.provisioning.service import exhausted
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro
from tests.domains.provisioning.world import SKUS, USD, add_nodes, add_price
from tests.fixtures.app import Browser
from tests.fixtures.batches import run_batches


@pytest.fixture
async def ada(runtime, sign_in_as) -> Browser:
    """Ada with $100 in front of two l40sx4 machines."""
    browser = await sign_in_as("ada")
    async with runtime.context(SYSTEM) as ctx:
        for sku in SKUS:
            await add_sku(ctx, sku)
            await add_price(ctx, sku.code)
        await add_image(
            ctx,
            NewImage(
                code="ubuntu-24.04", title="Ubuntu 24.04", osystem="ubuntu", distro_series="noble", is_default=True
            ),
        )
    await add_nodes(runtime, "l40sx4", 2)
    await give_credit(runtime, browser, 100 * USD)
    return browser


async def give_credit(runtime, browser: Browser, amount: int) -> None:
    cause = uuid4()
    async with runtime.context(SYSTEM) as ctx:
        await billing.open_accounts(ctx, browser.actor.tenant_id, "USD")
        command = PostCredit(
            tenant_id=browser.actor.tenant_id, amount=Micro(amount), currency="USD", reference=f"payment:{cause}",
            source="payment", cause_id=cause,
        )  # fmt: skip
        await billing.post_credit(ctx, command)


async def launch(browser: Browser, **body: object) -> dict:
    answer = await browser.post_json("/api/v1/allocations", {"sku": "l40sx4", "name": "train-07", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_launch_is_accepted_held_and_listed(ada) -> None:
    launched = await launch(ada)
    assert launched["state"] == "requested"
    assert launched["rate_micro"] == 4_800_000
    listed = (await ada.client.get("/api/v1/allocations")).json()
    assert [item["name"] for item in listed["items"]] == ["train-07"]
    balance = (await ada.client.get("/api/v1/billing/balance")).json()
    assert balance["held"] == launched["hold_micro"] > 0


async def test_a_dry_run_says_everything_and_changes_nothing(ada) -> None:
    answer = await ada.post_json("/api/v1/allocations", {"sku": "l40sx4", "gpus": 2, "dry_run": True})
    assert answer.status_code == 200, answer.text
    forecast = answer.json()
    assert (forecast["rate_micro"], forecast["fits"], forecast["blockers"]) == (2_500_000, 2, [])
    assert forecast["runway_after_seconds"] == 100 * USD * 3600 // 2_500_000
    assert (await ada.client.get("/api/v1/allocations")).json()["items"] == []
    assert (await ada.client.get("/api/v1/billing/balance")).json()["held"] == 0


async def test_a_dry_run_says_why_not(ada, runtime) -> None:
    await launch(ada)
    answer = await ada.post_json(
        "/api/v1/allocations", {"sku": "h100x8", "name": "train-07", "dry_run": True, "image": "ubuntu-24.04"}
    )
    blockers = " ".join(answer.json()["blockers"])
    assert "A machine called train-07 exists" in blockers
    assert "h100x8" in blockers


async def test_a_repeated_launch_is_one_launch(ada) -> None:
    body = {"sku": "l40sx4", "name": "train-07"}
    first = (await ada.post_json("/api/v1/allocations", body, key="one")).json()
    second = (await ada.post_json("/api/v1/allocations", body, key="one")).json()
    assert first == second
    assert len((await ada.client.get("/api/v1/allocations")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sku": "l40sx4", "name": "Train 7"}, 422, "validation_error"),
        ({"sku": "nothing"}, 422, "validation_error"),
        ({"sku": "l40sx4", "gpus": 5}, 422, "validation_error"),
        ({"sku": "l40sx4", "gpus": -1}, 422, "validation_error"),
        ({"sku": "cpu", "gpus": 1}, 422, "validation_error"),
        ({"sku": "l40sx4", "image": "windows-95"}, 422, "validation_error"),
        ({"sku": "h100x8"}, 409, "allocation_no_capacity"),
    ],
)
async def test_a_launch_that_cannot_be_is_refused_with_its_reason(ada, body, status, code) -> None:
    answer = await ada.post_json("/api/v1/allocations", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await ada.client.get("/api/v1/billing/balance")).json()["held"] == 0


async def test_a_name_is_unique_among_live_machines_of_the_project(ada) -> None:
    await launch(ada)
    answer = await ada.post_json("/api/v1/allocations", {"sku": "l40sx4", "name": "train-07"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "allocation_name_in_use")


async def test_a_launch_without_credit_is_refused(ada, runtime, sign_in_as) -> None:
    ben = await sign_in_as("ben")
    await give_credit(runtime, ben, 1 * USD)
    answer = await ben.post_json("/api/v1/allocations", {"sku": "l40sx4"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_credit")


async def test_another_tenants_machine_does_not_exist(ada, sign_in_as) -> None:
    launched = await launch(ada)
    mallory = await sign_in_as("mallory")
    path = f"/api/v1/allocations/{launched['allocation_id']}"
    assert (await mallory.client.get(path)).status_code == 404
    assert (await mallory.post_json(f"{path}/release", None)).status_code == 404
    assert (await mallory.post_json(f"{path}/cancel", None)).status_code == 404
    assert (await mallory.client.get(f"/machines/{launched['allocation_id']}")).status_code == 404
    assert (await mallory.client.get("/api/v1/allocations")).json()["items"] == []


async def test_the_quota_of_a_project_holds(ada, runtime) -> None:
    from tests.domains.provisioning.world import set_policies

    await set_policies(runtime, **{"provisioning.max_gpus": 3})
    answer = await ada.post_json("/api/v1/allocations", {"sku": "l40sx4"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "allocation_quota_exceeded")
    assert "3 GPUs" in answer.json()["error"]["message"]


async def test_a_launch_that_has_not_begun_is_canceled_once(ada) -> None:
    launched = await launch(ada)
    path = f"/api/v1/allocations/{launched['allocation_id']}"
    assert (await ada.post_json(f"{path}/release", None)).json()["error"]["code"] == "allocation_not_releasable"
    assert (await ada.post_json(f"{path}/cancel", None)).status_code == 200
    assert (await ada.post_json(f"{path}/cancel", None)).status_code == 200
    assert (await ada.client.get(path)).json()["cancel_requested"] is True


async def test_pages_render_before_and_after_a_launch(ada) -> None:
    for path in (
        "/",
        "/launch",
        "/launch?sku=l40sx4&part=gpus&gpus=2",
        "/launch?sku=h100x8",
        "/machines",
        "/overview/now",
    ):
        answer = await ada.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text[-2000:]}"
    answer = await ada.post("/launch", sku="l40sx4", image="ubuntu-24.04", part="gpus", gpus="2", name="train-08")
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    for path in (place, f"{place}/now", "/", "/machines?live=1", "/machines/now"):
        answer = await ada.client.get(path)
        assert answer.status_code == 200, answer.text[-2000:]
        assert "train-08" in answer.text or path.endswith(f"{place}/now")
    summary = await ada.client.get("/launch/summary?sku=l40sx4", headers={"hx-request": "true"})
    assert "<html" not in summary.text
    assert "launch-order" in summary.text


async def test_no_token_is_in_the_address_of_the_summary(ada) -> None:
    text = (await ada.client.get("/launch")).text
    included = text.split('hx-include="')[1].split('"')[0]
    inside = text.split('id="launch-choice"')[1].split("</noscript>")[0]
    assert "#launch-choice" in included
    assert "_csrf_token" not in inside and "_idempotency_key" not in inside


async def test_the_page_without_scripts_leads_to_the_same_choice(ada) -> None:
    answer = await ada.post("/launch/preview", sku="l40sx4", image="ubuntu-24.04", part="gpus", gpus="2", name="a b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/launch?sku=l40sx4&image=ubuntu-24.04&part=gpus&gpus=2&name=a+b"


async def add_key(browser: Browser, name: str) -> str:
    line = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    answer = await browser.post_json("/api/v1/ssh-keys", {"public_key": line, "name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def boxes(text: str) -> dict[str, bool]:
    """The checkboxes of keys: id, and whether it is checked."""
    found = re.findall(r'type="checkbox" name="keys" value="([^"]+)"( checked)?', text)
    return {key_id: bool(checked) for key_id, checked in found}


async def test_the_launch_form_offers_ones_keys_and_keeps_the_choice(ada) -> None:
    text = (await ada.client.get("/launch")).text
    assert boxes(text) == {} and 'href="/settings/keys"' in text
    work, home = await add_key(ada, "work"), await add_key(ada, "home")
    assert boxes((await ada.client.get("/launch")).text) == {work: True, home: True}
    chosen = {"sku": "l40sx4", "keys": ["listed", home]}
    summary = await ada.client.get("/launch/summary", params=chosen, headers={"hx-request": "true"})
    address = summary.headers["hx-replace-url"]
    for text in (summary.text, (await ada.client.get(address)).text):
        assert boxes(text) == {work: False, home: True}
        assert "--key home" in text and f"&#34;keys&#34;:[&#34;{home}&#34;]" in text
    preview = await ada.post("/launch/preview", **chosen)
    assert f"keys=listed&keys={home}" in preview.headers["location"]
    none = (await ada.client.get("/launch?sku=l40sx4&keys=listed")).text
    assert boxes(none) == {work: False, home: False} and "--no-keys" in none


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_the_checked_keys_open_the_machine_and_no_others(ada, count: int) -> None:
    chosen = [await add_key(ada, name) for name in ("work", "home")][:count]
    answer = await ada.post("/launch", sku="l40sx4", image="ubuntu-24.04", name="train-09", keys=["listed", *chosen])
    assert answer.status_code == 303, answer.text
    listed = await ada.client.get(f"/api/v1/allocations/{answer.headers['location'].rsplit('/', 1)[1]}/ssh-keys")
    assert {item["key_id"] for item in listed.json()["items"]} == set(chosen)


async def test_giving_back_wants_the_name(ada, runtime) -> None:
    launched = await launch(ada)
    await make_active(runtime, UUID(launched["allocation_id"]))
    place = f"/machines/{launched['allocation_id']}"
    refused = await ada.post(f"{place}/release", confirm_name="train-0")
    assert refused.status_code == 422
    given = await ada.post(f"{place}/release", confirm_name="train-07")
    assert (given.status_code, given.headers["location"]) == (303, place)
    assert "Releasing" in (await ada.client.get(place)).text
    receipt = await ada.client.get(f"{place}/receipt")
    assert receipt.status_code == 200, receipt.text[-2000:]
    answer = (await ada.client.get(f"/api/v1/allocations/{launched['allocation_id']}/receipt")).json()
    assert answer["total"] == sum(line["amount"] for line in answer["lines"])


async def make_active(runtime, allocation_id: UUID) -> None:
    """What the workflow's activities write, without a machine behind it."""
    from app.domains.provisioning.contracts import Step
    from app.domains.provisioning.repository import AllocationRepository, MachineRepository
    from app.domains.provisioning.service import placing, proving, transitions

    step = Step(str(allocation_id), "correlation-id", 1)
    async with runtime.context(SYSTEM) as ctx:
        await placing.place(ctx, step)
        allocation = await transitions.enter(ctx, await transitions.lock(ctx, step), "provisioning")
        await transitions.enter(ctx, allocation, "configuring")
    async with runtime.context(SYSTEM) as ctx:
        allocation = await AllocationRepository(ctx.session).get(allocation_id)
        await MachineRepository(ctx.session).set_address(allocation.deployment_id, "127.0.0.9")
        await proving.activate(ctx, step)


async def test_an_active_machine_shows_its_terminal_and_its_cost(ada, runtime, open_context) -> None:
    from app.domains.provisioning import public

    launched = await launch(ada)
    allocation_id = UUID(launched["allocation_id"])
    async with open_context(ada.actor) as ctx:
        with pytest.raises(Exception, match="not active"):
            await public.get_access_target(ctx, allocation_id)
    await make_active(runtime, allocation_id)
    text = (await ada.client.get(f"/machines/{allocation_id}")).text
    assert f"/machines/{allocation_id}/terminal" in text
    assert 'data-rate-micro-per-hour="4800000"' in text
    async with open_context(ada.actor) as ctx:
        target = await public.get_access_target(ctx, allocation_id)
        assert (target.login, target.principal) == ("ada", f"alloc:{allocation_id}:ada")
        assert await public.access_endings(ctx, {allocation_id}) == {}
        gone = uuid4()
        assert await public.access_endings(ctx, {gone}) == {gone: "gone"}


async def test_exhausted_credit_gives_everything_back(ada, runtime, open_context) -> None:
    running = UUID((await launch(ada))["allocation_id"])
    await make_active(runtime, running)
    starting = UUID((await launch(ada, name="train-08"))["allocation_id"])
    fact = TenantExhausted(tenant_id=ada.actor.tenant_id, funds=0, burn_per_hour=10**12)
    async with open_context() as ctx:
        assert await exhausted.on_exhausted(ctx, fact) is True
    await run_batches(runtime, exhausted.RELEASE_TENANT)
    async with open_context() as ctx:
        assert await exhausted.on_exhausted(ctx, fact) is False
    listed = {item["id"]: item for item in (await ada.client.get("/api/v1/allocations")).json()["items"]}
    assert listed[str(running)]["state"] == "releasing"
    assert listed[str(starting)]["cancel_requested"] is True
