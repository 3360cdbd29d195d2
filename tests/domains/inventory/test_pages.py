"""The catalog and the node pages as people see them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from app.domains.inventory import public
from app.domains.inventory.contracts import NewPrice
from app.domains.inventory.service import prices
from app.settings import MaasSettings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.money import RateMicroPerHour
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.inventory.test_import import maas
from tests.fixtures.statements import statements

KINDS = ("h100x8", "l40sx4", "cpu")


def words(markup: str) -> str:
    """What is read, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


# -- catalog -------------------------------------------------------------------------------------------------------


async def test_an_empty_catalog_says_what_will_appear(sign_in_as: Any) -> None:
    answer = await (await sign_in_as("ada")).client.get("/catalog")
    assert answer.status_code == 200
    assert "Nothing on sale yet" in answer.text


async def test_the_catalog_shows_types_with_prices_units_and_what_is_free(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    text = words((await (await sign_in_as("ada")).client.get("/catalog")).text)
    assert "$18.40 /h" in text and "$2.30 /GPU-h" in text and "$1.20 /h" in text
    assert "8 × 80 GB" in text and "8 × 3.84 TB" in text and "2,048 GiB" in text and "400 Gbit/s" in text
    assert "1 machine 8 GPUs, up to 8 together" in text
    assert "none free" in text  # no A100 node was imported
    assert text.index("H100 SXM ×8") < text.index("A100 SXM ×8") < text.index("L40S ×4") < text.index("EPYC 96 cores")


async def test_catalog_form_overview_and_api_show_one_list_in_the_tenants_currency(
    runtime: Runtime, sign_in_as: Any
) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada = await sign_in_as("ada")
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(
            text("UPDATE auth.tenants SET currency = 'EUR' WHERE id = :id"), {"id": ada.actor.tenant_id}
        )
        for code, whole, gpu in (("cpu", 1_500_000, None), ("l40sx4", 6_000_000, 1_700_000)):
            rate_gpu = None if gpu is None else RateMicroPerHour(gpu)
            price = NewPrice(sku_code=code, rate_whole=RateMicroPerHour(whole), rate_gpu=rate_gpu, currency="EUR")
            await prices.announce_price(ctx, price)
    skus = (await ada.client.get("/api/v1/skus")).json()
    assert [(sku["code"], sku["price"]["currency"], sku["price"]["per_hour"]) for sku in skus] == [
        ("l40sx4", "EUR", 6_000_000), ("cpu", "EUR", 1_500_000),
    ]  # fmt: skip
    for path in ("/catalog", "/launch"):
        shown = words((await ada.client.get(path)).text)
        assert "€6.00 /h" in shown and "€1.70 /GPU-h" in shown and "€1.50 /h" in shown, path
        assert "1 machine" in shown and "H100" not in shown and "$1.20" not in shown, path


async def test_the_live_fragment_follows_what_is_free_and_keeps_the_filter(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada = await sign_in_as("ada")
    markup = (await ada.client.get("/catalog?gpu=L40S&free=1")).text
    assert 'hx-get="/catalog/types?gpu=L40S&amp;free=1"' in markup and 'data-live="capacity"' in markup
    before = await ada.client.get("/catalog/types?gpu=L40S&free=1")
    assert "<html" not in before.text and "4 GPUs, up to 4 together" in words(before.text)
    async with runtime.context(SYSTEM) as ctx:
        await public.claim_slots(ctx, (await node_ids(runtime))[1], range(4), new_id())
    assert "No type fits" in (await ada.client.get("/catalog/types?gpu=L40S&free=1")).text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"h100x8", "a100x8", "l40sx4", "cpu"}),
        ("?gpu=H100", {"h100x8"}),
        ("?gpu=none", {"cpu"}),
        ("?max=1500000", {"a100x8", "l40sx4", "cpu"}),
        ("?free=1", {"h100x8", "l40sx4", "cpu"}),
        ("?free=1&max=1500000", {"l40sx4", "cpu"}),
        ("?gpu=nothing", set()),
    ],
)
async def test_filters_are_in_the_address(query: str, shown: set[str], runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    markup = (await (await sign_in_as("ada")).client.get(f"/catalog{query}")).text
    assert set(re.findall(r'<code class="muted small">([a-z0-9]+)</code>', markup)) == shown


async def test_an_announced_price_is_shown_and_the_present_one_still_holds(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    async with runtime.context(SYSTEM) as ctx:
        new = NewPrice(
            sku_code="h100x8", rate_whole=RateMicroPerHour(19_000_000), rate_gpu=RateMicroPerHour(2_400_000),
            effective_from=await ctx.now() + timedelta(days=7),
        )  # fmt: skip
        await prices.announce_price(ctx, new)
    ada = await sign_in_as("ada")
    text = words((await ada.client.get("/catalog")).text)
    assert "$18.40 /h" in text and "H100 SXM ×8, from" in text and "$19.00 /h" in text
    sku = (await ada.client.get("/api/v1/skus/h100x8")).json()
    assert (sku["price"]["per_hour"], sku["next_price"]["per_hour"]) == (18_400_000, 19_000_000)


async def test_launch_is_offered_only_where_it_leads_somewhere(runtime: Runtime, sign_in_as: Any) -> None:
    from tests.fixtures.app import create_app

    await plant(runtime)
    has_launch = any(route.path == "/launch" for route in create_app(runtime).routes)
    markup = (await (await sign_in_as("ada")).client.get("/catalog")).text
    assert ('href="/launch?sku=h100x8"' in markup) is has_launch


# -- nodes ---------------------------------------------------------------------------------------------------------


async def test_an_operator_without_nodes_is_told_the_first_step(sign_in_as: Any) -> None:
    answer = await (await sign_in_as("olga", operator=True)).client.get("/admin/nodes")
    assert answer.status_code == 200
    assert "No nodes yet" in answer.text and "Import from MAAS now" in answer.text


async def test_the_button_imports_and_says_what_it_found(runtime: Runtime, tmp_path: Path, sign_in_as: Any) -> None:
    await plant(runtime)
    olga = await sign_in_as("olga", operator=True)
    async with maas(runtime, tmp_path / "maas"):
        answer = await olga.post("/admin/nodes/import")
    assert answer.status_code == 303, answer.text
    text = words((await olga.client.get(answer.headers["location"])).text)
    assert "MAAS shows 24 machines in our pool" in text and "24 new, 0 changed, 0 no longer shown." in text
    assert "node-24" in text and "24 shown of 24" in text


async def test_a_maas_that_does_not_know_us_is_an_error_not_an_empty_fleet(
    runtime: Runtime, tmp_path: Path, sign_in_as: Any
) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    olga = await sign_in_as("olga", operator=True)
    async with maas(runtime, tmp_path / "maas") as (world, _):
        stranger = MaasSettings(url=world.url, api_key="nobody:knows:this")
        runtime.settings = msgspec.structs.replace(runtime.settings, maas=stranger)
        answer = await olga.post("/admin/nodes/import")
    assert answer.status_code == 502
    assert "nobody:knows" not in answer.text
    async with runtime.context(SYSTEM) as ctx:
        assert (await public.get_node(ctx, (await node_ids(runtime))[0])).state == "ready"


async def test_cordon_with_a_reason_uncordon_and_quarantine_in_the_page(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    node = (await node_ids(runtime))[0]
    olga = await sign_in_as("olga", operator=True)
    place = f"/admin/nodes/{node}"
    assert "This node is cordoned" not in (await olga.client.get(place)).text
    refused = await olga.post(f"{place}/cordon", reason=" ")
    assert refused.status_code == 422 and "Say why" in refused.text
    assert (await olga.post(f"{place}/cordon", reason="PSU 2 <replaced> tonight")).status_code == 303
    markup = (await olga.client.get(place)).text
    assert "This node is cordoned" in markup and "PSU 2 &lt;replaced&gt; tonight" in markup
    assert "Cordoned 1" in words((await olga.client.get("/admin/nodes?cordoned=1")).text)
    assert (await olga.post(f"{place}/uncordon")).status_code == 303
    assert (await olga.post(f"{place}/lift-quarantine", reason="looked")).status_code == 409
    async with runtime.context(SYSTEM) as ctx:
        await public.quarantine(ctx, node, "no answer on SSH")
    assert "This node is quarantined" in (await olga.client.get(place)).text
    assert (await olga.post(f"{place}/lift-quarantine", reason="cable was loose")).status_code == 303
    async with runtime.context(SYSTEM) as ctx:
        rows = await ctx.session.execute(text("SELECT action, details->>'reason' FROM admin.audit_logs"))
        kept = {(row[0], row[1]) for row in rows}
    assert {("node.cordon", "PSU 2 <replaced> tonight"), ("node.lift_quarantine", "cable was loose")} <= kept
    fragment = await olga.client.get(f"{place}/now")
    assert "<html" not in fragment.text and "This node is quarantined" not in fragment.text
    assert (await olga.client.get(f"/admin/nodes/{new_id()}")).status_code == 404


async def test_a_taken_slot_shows_who_holds_it(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    node, allocation = (await node_ids(runtime))[1], new_id()
    async with runtime.context(SYSTEM) as ctx:
        await public.claim_slots(ctx, node, [2], allocation)
        await public.record_image_warm(ctx, node, (await public.image(ctx)).id)
    markup = (await (await sign_in_as("olga", operator=True)).client.get(f"/admin/nodes/{node}")).text
    assert f'data-copy="{allocation}"' in markup and "1 of 4 taken" in words(markup)
    assert "ubuntu/noble" in markup


async def test_500_nodes_are_listed_with_two_statements_and_paged_to_the_end(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8", "a100x8", "l40sx4", "cpu") * 125)
    olga = await sign_in_as("olga", operator=True)
    with statements(runtime, "inventory.") as seen:
        answer = await olga.client.get("/admin/nodes")
    assert answer.status_code == 200 and len(seen) == 2, seen
    assert "50 shown of 500" in words(answer.text)
    names: list[str] = []
    where: dict[str, str] | None = {}
    while where is not None:
        with statements(runtime, "inventory.") as seen:
            found = (await olga.client.get("/api/v1/admin/nodes", params={**where, "limit": "200"})).json()
        assert len(seen) == 1
        names += [item["hostname"] for item in found["items"]]
        where = {"cursor": found["next_cursor"]} if found["next_cursor"] else None
    assert names == [f"node-{number:03}" for number in range(1, 501)]


async def test_the_catalog_asks_the_same_for_500_nodes_as_for_three(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada = await sign_in_as("ada")
    counts = []
    for kinds in (KINDS, ("h100x8", "a100x8", "l40sx4", "cpu") * 125):
        await see(runtime, kinds)
        with statements(runtime, "inventory.") as seen:
            assert (await ada.client.get("/catalog")).status_code == 200
        counts.append(len(seen))
    assert counts == [4, 4]
