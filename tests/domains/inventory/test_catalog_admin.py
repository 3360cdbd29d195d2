"""How operators keep the catalog: types, dated prices that never rewrite the past, images; ETags; who may."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.domains.inventory.contracts import PriceVersionId, PriceView, SkuId
from app.domains.inventory.rules.pricing import earliest_start, is_raise
from app.domains.inventory.schemas.catalog import rate_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.errors import ValidationFailed
from app.shared.ids import new_id
from app.shared.money import RateMicroPerHour
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.inventory.test_pages import words
from tests.domains.provisioning.hall import operator_of
from tests.fixtures.app import Browser

DAY = timedelta(days=1)
PRICES, SKUS, IMAGES = "/api/v1/admin/prices", "/api/v1/admin/skus", "/api/v1/admin/images"


@pytest.fixture
async def olga(runtime: Runtime, sign_in_as) -> Browser:
    await plant(runtime)
    await see(runtime, ("h100x8", "l40sx4"))
    return await sign_in_as("olga", operator=True)


async def now_of(runtime: Runtime) -> datetime:
    async with runtime.context(SYSTEM) as ctx:
        return await ctx.now()


async def plan(olga: Browser, whole: int, gpu: int | None, at: datetime | None = None, sku: str = "h100x8"):
    body = {"sku": sku, "per_hour": whole, "per_gpu_hour": gpu, "effective_from": at.isoformat() if at else None}
    return await olga.post_json(PRICES, body)


async def test_a_higher_price_is_announced_in_time_and_customers_see_it(runtime, olga, sign_in_as) -> None:
    now = await now_of(runtime)
    soon = await plan(olga, 19_000_000, 2_400_000, now + DAY)
    assert (soon.status_code, soon.json()["error"]["code"]) == (422, "price_notice_too_short")
    planned = await plan(olga, 19_000_000, 2_400_000, now + 8 * DAY)
    assert planned.status_code == 201, planned.text
    states = [(item["per_hour"], item["state"]) for item in (await olga.client.get(f"{PRICES}?sku=h100x8")).json()]
    assert states == [(18_400_000, "in force"), (19_000_000, "announced")]
    ada = await sign_in_as("ada")
    assert "$19.00 /h" in words((await ada.client.get("/catalog")).text)
    page = words((await olga.client.get("/admin/catalog/types/h100x8")).text)
    assert "announced" in page and "in force" in page and "Olga" in page and "Withdraw…" in page


async def test_a_lower_price_may_begin_at_once_and_the_past_is_never_rewritten(runtime, olga) -> None:
    now = await now_of(runtime)
    lower = await plan(olga, 17_000_000, 2_200_000)
    assert lower.status_code == 201, lower.text
    sku = (await olga.client.get(f"{SKUS}/h100x8")).json()
    assert [price["state"] for price in sku["prices"]] == ["past", "in force"]
    past = await plan(olga, 16_000_000, 2_000_000, now - DAY)
    assert (past.status_code, past.json()["error"]["code"]) == (422, "price_in_the_past")
    taken = await olga.post_json(f"{PRICES}/{sku['prices'][1]['id']}/withdraw", {"reason": "a mistake"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "price_in_force")
    with pytest.raises(IntegrityError):
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(
                text("INSERT INTO inventory.price_withdrawals VALUES (:id, clock_timestamp(), NULL, 'by hand')"),
                {"id": sku["prices"][1]["id"]},
            )


async def test_an_announced_price_is_withdrawn_and_stays_on_record(runtime, olga, sign_in_as) -> None:
    now = await now_of(runtime)
    price = (await plan(olga, 19_000_000, 2_400_000, now + 8 * DAY)).json()["price_version_id"]
    assert (await olga.post_json(f"{PRICES}/{price}/withdraw", {"reason": " "})).status_code == 422
    for _ in range(2):  # safe to repeat
        answer = await olga.post_json(f"{PRICES}/{price}/withdraw", {"reason": "too early"})
        assert answer.status_code == 200, answer.text
    listed = (await olga.client.get(f"{PRICES}?sku=h100x8")).json()
    assert [(item["state"], item["withdraw_reason"]) for item in listed] == [
        ("in force", None), ("withdrawn", "too early"),
    ]  # fmt: skip
    assert "$19.00 /h" not in words((await (await sign_in_as("ada")).client.get("/catalog")).text)
    assert (await olga.post_json(f"{PRICES}/{new_id()}/withdraw", {"reason": "nothing"})).status_code == 404


@pytest.mark.parametrize(("whole", "gpu"), [(1_000_000, None), (-1, 1)])
async def test_a_price_fits_how_the_type_is_sold(whole: int, gpu: int | None, olga) -> None:
    assert (await plan(olga, whole, gpu)).status_code == 422


async def test_a_type_is_edited_by_its_etag_and_off_sale_keeps_its_machines(runtime, olga, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    seen = await olga.client.get(f"{SKUS}/h100x8")
    headers = {"if-match": seen.headers["etag"]}
    body = {"description": "Eight H100 with NVLink.", "position": 5, "on_sale": True}
    first = await _patch(olga, f"{SKUS}/h100x8", body, headers)
    assert first.status_code == 200 and first.headers["etag"] != seen.headers["etag"]
    stale = await _patch(olga, f"{SKUS}/h100x8", body, headers)
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "version_changed")
    assert "Eight H100 with NVLink." in (await ada.client.get("/catalog")).text
    await _patch(olga, f"{SKUS}/h100x8", {"on_sale": False}, {})
    assert "h100x8" not in {item["code"] for item in (await ada.client.get("/api/v1/skus")).json()}
    refused = await ada.post_json("/api/v1/allocations", {"sku": "h100x8", "dry_run": True})
    assert refused.status_code == 422
    await see(runtime, ("h100x8", "l40sx4"))  # an import later, the machine still has its type
    node = (await olga.client.get(f"/api/v1/admin/nodes/{(await node_ids(runtime))[0]}")).json()
    assert node["sku_code"] == "h100x8"
    assert (await _patch(olga, f"{SKUS}/nothing", {"position": 1}, {})).status_code == 404
    assert (await _patch(olga, f"{SKUS}/h100x8", {"position": 10_000}, {})).status_code == 422


async def _patch(olga: Browser, path: str, body: dict, headers: dict[str, str]):
    own = {"x-idempotency-key": uuid4().hex, "x-csrftoken": olga.csrf, "sec-fetch-site": "same-origin"}
    return await olga.client.patch(path, json=body, headers=own | headers)


async def test_a_type_is_added_from_the_page_and_a_code_is_used_once(olga) -> None:
    form = {
        "code": "b200x8", "title": "B200 x8", "cpu_count": "128", "memory_gib": "2048", "network_gbps": "400",
        "gpu_count": "8", "gpu_model": "B200", "gpu_vendor_id": "10de", "gpu_product_id": "2901", "vram_gib": "180",
        "sells_slots": "true",
    }  # fmt: skip
    made = await olga.post("/admin/catalog", **form)
    assert made.status_code == 303 and made.headers["location"] == "/admin/catalog/types/b200x8"
    assert (await olga.post("/admin/catalog", **form)).status_code == 409
    assert (await olga.post("/admin/catalog", **form | {"code": "B200!"})).status_code == 422
    assert (await olga.post("/admin/catalog", **form | {"code": "b300", "gpu_model": ""})).status_code == 422
    assert "no price" in words((await olga.client.get("/admin/catalog")).text)
    planned = await olga.post(
        "/admin/catalog/types/b200x8/prices", per_hour="31.50", per_gpu_hour="4", effective_from=""
    )
    assert planned.status_code == 303, planned.text
    assert "$31.50 /h" in words((await olga.client.get("/admin/catalog")).text)


async def test_an_image_is_added_made_the_default_and_retired(olga, sign_in_as) -> None:
    made = await olga.post_json(
        IMAGES, {"code": "ubuntu/next", "title": "Ubuntu 26.04", "osystem": "ubuntu", "distro_series": "next"}
    )
    assert made.status_code == 201, made.text
    before = next(item for item in (await olga.client.get(IMAGES)).json() if item["is_default"])
    image = f"{IMAGES}/{made.json()['id']}"
    assert (await _patch(olga, image, {"is_default": True}, {"if-match": '"9"'})).status_code == 412
    assert (await _patch(olga, image, {"is_default": True}, {})).status_code == 200
    listed = {item["code"]: item for item in (await olga.client.get(IMAGES)).json()}
    assert [code for code, item in listed.items() if item["is_default"]] == ["ubuntu/next"]
    assert (await _patch(olga, image, {"retired": True}, {})).status_code == 422  # the default
    old = await olga.post(f"/admin/catalog/images/{before['id']}", act="retire")
    assert old.status_code == 303, old.text
    ada = await sign_in_as("ada")
    assert before["code"] not in {item["code"] for item in (await ada.client.get("/api/v1/images")).json()}
    refused = await ada.post_json("/api/v1/allocations", {"sku": "l40sx4", "image": before["code"], "dry_run": True})
    assert refused.status_code == 422 and "not on offer" in refused.text
    assert (await _patch(olga, f"{IMAGES}/{new_id()}", {"retired": True}, {})).status_code == 404


@pytest.mark.parametrize(
    ("role", "manages"),
    [("platform_admin", True), ("platform_operator", True), ("platform_finance", False), ("platform_auditor", False)],
)
async def test_everybody_of_the_platform_reads_the_catalog_and_operators_keep_it(
    role: str, manages: bool, runtime, olga, sign_in_as
) -> None:
    person = await operator_of(runtime, sign_in_as, role)
    page = await person.client.get("/admin/catalog/types/h100x8")
    assert page.status_code == 200 and ("Plan a price…" in page.text) is manages
    assert (await plan(person, 17_000_000, 2_000_000)).status_code == (201 if manages else 403)


rates = st.integers(0, 10**9).map(RateMicroPerHour)


@given(rates, rates, rates, rates, st.integers(0, 9_000))
def test_nobody_pays_more_without_notice(whole, gpu, new_whole, new_gpu, hours: int) -> None:
    now = datetime.fromisoformat("2026-11-24T12:00:00+00:00")
    before = PriceView(
        price_version_id=PriceVersionId(new_id()), sku_id=SkuId(new_id()), currency="USD", rate_whole=whole,
        rate_gpu=gpu, effective_from=now,
    )  # fmt: skip
    raises = is_raise(before, new_whole, new_gpu)
    assert raises is (new_whole > whole or new_gpu > gpu)
    begins = earliest_start(now, timedelta(hours=hours), raises=raises)
    assert begins == (now + timedelta(hours=hours) if raises else now)
    assert not is_raise(None, new_whole, new_gpu)


@pytest.mark.parametrize(
    ("typed", "micro"), [("18.40", 18_400_000), ("$1,000", 10**9), ("0.000001", 1), (" 4 ", 4_000_000)]
)
def test_an_amount_is_read_as_it_is_written(typed: str, micro: int) -> None:
    assert rate_of(typed, "per_hour") == micro


@pytest.mark.parametrize("typed", ["1.2345678", "-4", "1e3", "four", "1.2.3"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValidationFailed):
        rate_of(typed, "per_hour")
