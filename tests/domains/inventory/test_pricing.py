"""Prices that operators set: absolute bounds, how far one person goes, the effect before it, and the way back."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domains.inventory.contracts import NewPrice
from app.domains.inventory.rules import pricing
from app.domains.inventory.rules.pricing import PriceEntry
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.money import RateMicroPerHour
from tests.domains.admin.helpers import give_role, words
from tests.domains.inventory.stock import plant, see
from tests.fixtures.app import Browser
from tests.fixtures.clock import START, FakeClock

PRICES = "/api/v1/admin/prices"
BOUNDS = pricing.Bounds(minimum=50_000, maximum=10**9, drop_percent=50, rise_percent=100, window=timedelta(hours=168))


@pytest.fixture
async def olga(runtime: Runtime, sign_in_as: Any) -> Browser:
    await plant(runtime)
    await see(runtime, ("h100x8",))
    return await sign_in_as("olga", operator=True)


@pytest.fixture
async def otto(runtime: Runtime, sign_in_as: Any) -> Browser:
    otto: Browser = await sign_in_as("otto")
    await give_role(runtime, otto, "platform_operator")
    return otto


async def plan(browser: Browser, whole: object, gpu: object = 2_300_000, **more: object) -> Any:
    return await browser.post_json(PRICES, {"sku": "h100x8", "per_hour": whole, "per_gpu_hour": gpu, **more})


async def in_force(browser: Browser) -> int:
    listed = (await browser.client.get(f"{PRICES}?sku=h100x8")).json()
    return int(next(row["per_hour"] for row in listed if row["state"] == "in force"))


async def price_id(browser: Browser) -> str:
    listed = (await browser.client.get(f"{PRICES}?sku=h100x8")).json()
    return str(next(row["id"] for row in listed if row["state"] == "in force"))


@pytest.mark.parametrize(
    "body",
    [
        {"per_hour": 0}, {"per_hour": -1}, {"per_hour": 1}, {"per_hour": 49_999}, {"per_hour": 2**62},
        {"per_hour": 10**9 + 1}, {"per_hour": "17"}, {"per_hour": 17.5}, {"per_hour": True}, {"per_hour": None},
        {"per_gpu_hour": 0}, {"per_gpu_hour": 1}, {"per_gpu_hour": 2**62}, {"currency": "usd"}, {"currency": ""},
        {"currency": "US"}, {"currency": "USDX"}, {"currency": "\u0660SD"}, {"effective_from": "9999-12-31T00:00:00Z"},
        {"effective_from": "2026-12-24T00:00:00"}, {"effective_from": "1970-01-01T00:00:00Z"},
    ],
)  # fmt: skip
async def test_values_that_no_two_people_set_either(olga: Browser, body: dict[str, object]) -> None:
    wanted = {"sku": "h100x8", "per_hour": 17_000_000, "per_gpu_hour": 2_300_000} | body
    for dry_run in (True, False):
        answer = await olga.post_json(PRICES, wanted | {"dry_run": dry_run})
        assert answer.status_code == 422, answer.text
    assert await in_force(olga) == 18_400_000


async def test_far_from_the_last_price_a_second_person_decides(olga: Browser, otto: Browser) -> None:
    assert (await plan(olga, 9_100_000)).status_code == 202
    assert (await plan(olga, 17_000_000, 1_000_000)).status_code == 202  # a GPU of it counts like the machine
    asked = await plan(olga, 1_000_000, 200_000, reason="a fair")
    assert asked.status_code == 202 and await in_force(olga) == 18_400_000
    request = f"/api/v1/admin/change-requests/{asked.json()['request_id']}"
    seen = (await otto.client.get(request)).json()["request"]
    assert "18.40" in seen["summary"] and "over 50 % less than" in seen["summary"] and seen["reason"] == "a fair"
    assert (await olga.post_json(f"{request}/approve", {})).status_code == 403
    assert (await otto.post_json(f"{request}/approve", {})).status_code == 200
    assert await in_force(olga) == 1_000_000
    assert (await plan(olga, 600_000, 150_000)).status_code == 201  # measured by what the two have set


async def test_what_became_impossible_before_the_second_person_came_is_no_fault_of_theirs(
    runtime: Runtime, olga: Browser, otto: Browser
) -> None:
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    runtime.clock = FakeClock(now)
    begins = (now + timedelta(minutes=5)).isoformat()
    asked = await plan(olga, 1_000_000, 200_000, reason="a fair", effective_from=begins)
    assert asked.status_code == 202, asked.text
    runtime.clock = FakeClock(now + timedelta(minutes=9))
    request = f"/api/v1/admin/change-requests/{asked.json()['request_id']}"
    refused = await otto.post_json(f"{request}/approve", {})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "change_not_possible"), refused.text
    assert error["message"].startswith("This change is no longer possible. ") and len(error["message"]) > 60
    assert (await otto.client.get(request)).json()["request"]["status"] == "requested"
    assert (await otto.post_json(f"{request}/reject", {"reason": "too late"})).status_code == 200


async def test_small_steps_of_one_person_are_one_step(olga: Browser) -> None:
    assert (await plan(olga, 9_300_000)).status_code == 201
    assert (await plan(olga, 9_250_000)).status_code == 201
    assert (await plan(olga, 4_700_000)).status_code == 202  # half of the last, a quarter of what was before
    other = await plan(olga, 100_000, 100_000, currency="EUR")
    assert other.status_code == 202  # a first price in another currency is measured too
    assert await in_force(olga) == 9_250_000


async def test_the_effect_is_seen_before_it_is_set(olga: Browser) -> None:
    effect = await plan(olga, 17_400_000, dry_run=True)
    assert effect.status_code == 200, effect.text
    body = effect.json()
    assert (body["whole_difference"], body["machines"], body["rentals"]) == (-1_000_000, body["machines"], 0)
    assert body["machines"] > 0 and body["beyond_alone"] is None and await in_force(olga) == 18_400_000
    path = "/admin/catalog/types/h100x8"
    page = words((await olga.client.get(f"{path}?per_hour=2&per_gpu_hour=0.20")).text)
    assert "Nobody rents one now." in page and "takes a second person" in page and "Ask for it" in page
    wrong = words((await olga.client.get(f"{path}?per_hour=0.01&per_gpu_hour=2")).text)
    assert "A price is from $0.05 to $1,000.00 an hour" in wrong
    assert "Say what the machine costs" not in words((await olga.client.get(path)).text)
    waiting = await olga.post(f"{path}/prices", per_hour="2", per_gpu_hour="0.2", reason="a sale")
    assert waiting.headers["location"].startswith("/admin/approvals/")


async def test_what_hurts_the_house_is_undone_at_once(olga: Browser, otto: Browser) -> None:
    request = (await plan(olga, 1_000_000, 200_000)).json()["request_id"]
    assert (await otto.post_json(f"/api/v1/admin/change-requests/{request}/approve", {})).status_code == 200
    cheap = await price_id(olga)
    back = await olga.post_json(f"{PRICES}/{cheap}/undo", {"reason": "a digit was missing"})
    assert back.status_code == 201, back.text  # no notice, no second person: customers had that price before
    assert await in_force(olga) == 18_400_000
    assert (await olga.post_json(f"{PRICES}/{cheap}/undo", {"reason": "again"})).status_code == 409
    down = await olga.post_json(f"{PRICES}/{await price_id(olga)}/undo", {"reason": "down again"})
    assert down.status_code == 202 and await in_force(olga) == 18_400_000  # the way down is far: two people
    assert (await olga.post_json(f"{PRICES}/{uuid4()}/undo", {"reason": "nothing"})).status_code == 404


async def test_a_raise_still_needs_its_notice_and_undo_has_an_end(runtime: Runtime, olga: Browser) -> None:
    assert (await plan(olga, 12_000_000)).status_code == 201
    raised = await plan(olga, 18_400_000)
    assert raised.status_code == 201 and await in_force(olga) == 12_000_000  # announced, a week ahead
    async with runtime.context(SYSTEM) as ctx:
        runtime.clock = FakeClock(await ctx.now() + timedelta(days=6))
    page = await olga.post(f"/admin/catalog/types/h100x8/prices/{await price_id(olga)}/undo", reason="too cheap")
    assert page.status_code == 303 and await in_force(olga) == 18_400_000
    runtime.clock = FakeClock(runtime.clock.instant + timedelta(days=8))
    late = await olga.post_json(f"{PRICES}/{await price_id(olga)}/undo", {"reason": "too late"})
    assert late.status_code == 409


async def test_a_first_price_has_nothing_before_it(olga: Browser) -> None:
    first = await olga.post_json(f"{PRICES}/{await price_id(olga)}/undo", {"reason": "nothing before"})
    assert (first.status_code, first.json()["error"]["code"]) == (409, "price_has_no_predecessor")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("skus", {"cpu_count": 2**62}), ("skus", {"memory_gib": 2**31}), ("skus", {"network_gbps": 0}),
        ("skus", {"vram_gib": -1}), ("skus", {"gpu_count": 65, "gpu_model": "X", "gpu_vendor_id": "1",
        "gpu_product_id": "2"}),
        ("skus", {"code": "A B"}), ("skus", {"code": "x" * 41}), ("skus", {"title": "x" * 101}),
        ("skus", {"disks": [{"count": 2**62, "size_bytes": 1}]}), ("skus", {"gpu_model": "\x00"}),
        ("images", {"code": "UP"}), ("images", {"osystem": "a b"}), ("images", {"distro_series": "x" * 61}),
        ("images", {"title": ""}), ("images", {"osystem": "\x00"}),
    ],
)  # fmt: skip
async def test_other_values_of_the_catalog_are_bounded_too(olga: Browser, path: str, body: dict[str, object]) -> None:
    good: dict[str, object] = {
        "skus": {"code": "c1", "title": "C1", "cpu_count": 8, "memory_gib": 64, "network_gbps": 10},
        "images": {"code": "ubuntu/x", "title": "X", "osystem": "ubuntu", "distro_series": "x"},
    }[path]  # type: ignore[assignment]
    answer = await olga.post_json(f"/api/v1/admin/{path}", good | body)
    assert answer.status_code == 422, answer.text


RATES = st.integers(50_000, 10**9)


def entry(rate: int, hours: float, *, seconded: bool = False) -> PriceEntry:
    at = START + timedelta(hours=hours)
    return PriceEntry(
        price_version_id=uuid4(), sku_id=uuid4(), currency="USD", rate_whole=RateMicroPerHour(rate), rate_gpu=None,
        effective_from=at, announced_at=at, announced_by=None, withdrawn_at=None, withdraw_reason=None,
        seconded_by=uuid4() if seconded else None,
    )  # fmt: skip


@given(RATES, st.lists(st.tuples(RATES, st.integers(0, 167)), max_size=12))
def test_no_sequence_of_steps_alone_leaves_the_band_of_the_price_before(
    first: int, steps: list[tuple[int, int]]
) -> None:
    prices = [entry(first, -200)]
    for rate, hour in sorted(steps, key=lambda step: step[1]):
        now = START + timedelta(hours=hour, minutes=len(prices))
        new = NewPrice(sku_code="x", rate_whole=RateMicroPerHour(rate), rate_gpu=None)
        if pricing.beyond_alone(new, pricing.measures(prices, "USD", now, BOUNDS), BOUNDS) is None:
            prices.append(entry(rate, hour + len(prices) / 60))
    assert all(first <= price.rate_whole * 2 and price.rate_whole <= first * 2 for price in prices)


@given(RATES, RATES)
def test_what_two_people_set_is_the_new_measure(first: int, second: int) -> None:
    prices = [entry(first, -200), entry(second, -1, seconded=True)]
    measure = pricing.reference(prices, "USD", START, BOUNDS)
    assert measure is prices[1] and pricing.before(prices[1], prices) is prices[0]


async def test_a_price_row_names_its_second_person_and_never_the_first(
    runtime: Runtime, olga: Browser, otto: Browser
) -> None:
    request = (await plan(olga, 5_000_000, 800_000)).json()["request_id"]
    await otto.post_json(f"/api/v1/admin/change-requests/{request}/approve", {})
    async with runtime.context(SYSTEM) as ctx:
        found = (
            await ctx.session.execute(
                text("SELECT announced_by, seconded_by FROM inventory.sku_prices WHERE seconded_by IS NOT NULL")
            )
        ).one()
    assert tuple(found) == (olga.actor.id, otto.actor.id)
