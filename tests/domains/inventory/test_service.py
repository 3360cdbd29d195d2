"""Slots, states, prices and images on a real database."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from app.domains.inventory import public
from app.domains.inventory.contracts import Availability, FreeNode, NewPrice, NewSku, NodeId
from app.domains.inventory.errors import CodeTaken, NodeNotInService, PriceInThePast, PriceMissing, SlotTaken
from app.domains.inventory.repository.capacity import CapacityRepository
from app.domains.inventory.repository.images import ImageRepository
from app.domains.inventory.repository.nodes import NodeRepository
from app.domains.inventory.repository.prices import PriceRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.service import catalog, prices
from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Runtime
from app.shared.errors import Forbidden, NotFound, Unauthenticated, ValidationFailed
from app.shared.ids import new_id
from app.shared.money import RateMicroPerHour
from devstack.seed import SKUS, plant_catalog
from tests.domains.inventory.stock import candidates, node_ids, plant, see
from tests.fixtures.catalog import sku_of_code
from tests.fixtures.clock import FakeClock
from tests.fixtures.postgres import DatabaseUrls

OpenContext = Any


@pytest.fixture
async def hall(runtime: Runtime) -> list[UUID]:
    """Two H100 machines, two L40S ones, one without a GPU."""
    await plant(runtime)
    await see(runtime, ("h100x8", "h100x8", "l40sx4", "l40sx4", "cpu"))
    return await node_ids(runtime)


async def sku_id(ctx: Any, code: str) -> UUID:
    sku = await sku_of_code(ctx, code)
    return sku.id


async def free_now(ctx: Any, code: str) -> Availability:
    return (await CapacityRepository(ctx.session).list_availability())[await sku_id(ctx, code)]


# -- slots ---------------------------------------------------------------------------------------------------------


async def test_a_fresh_fleet_is_all_free(hall: list[UUID], open_context: OpenContext) -> None:
    async with open_context() as ctx:
        assert await free_now(ctx, "h100x8") == Availability(2, 16, 2, 8)
        assert await free_now(ctx, "l40sx4") == Availability(2, 8, 2, 4)
        assert await free_now(ctx, "cpu") == Availability(1, 0, 1, 0)


async def test_claimed_slots_are_taken_and_come_back(hall: list[UUID], open_context: OpenContext) -> None:
    allocation = new_id()
    async with open_context() as ctx:
        await public.claim_slots(ctx, hall[0], range(8), allocation)
        assert await free_now(ctx, "h100x8") == Availability(1, 8, 2, 8)
        (freed,) = await public.free_slots(ctx, allocation)
        assert (freed.node_id, freed.slots, freed.is_empty) == (hall[0], tuple(range(8)), True)
        assert await public.free_slots(ctx, allocation) == []
        assert await free_now(ctx, "h100x8") == Availability(2, 16, 2, 8)


async def test_a_claim_repeated_is_no_change_and_another_one_of_the_same_slot_is_refused(
    hall: list[UUID], open_context: OpenContext
) -> None:
    allocation = new_id()
    async with open_context() as ctx:
        await public.claim_slots(ctx, hall[2], [1, 2], allocation)
        before = (await public.get_node(ctx, hall[2])).version
        await public.claim_slots(ctx, hall[2], [2, 1], allocation)
        assert (await public.get_node(ctx, hall[2])).version == before
    with pytest.raises(SlotTaken):
        async with open_context() as ctx:
            await public.claim_slots(ctx, hall[2], [0, 1], new_id())
    async with open_context() as ctx:
        held = {slot.index: slot.allocation_id for slot in (await public.get_node(ctx, hall[2])).slots}
        assert held == {0: None, 1: allocation, 2: allocation, 3: None}


async def test_slots_of_two_nodes_never_belong_to_one_allocation(hall: list[UUID], open_context: OpenContext) -> None:
    allocation = new_id()
    async with open_context() as ctx:
        await public.claim_slots(ctx, hall[2], [0], allocation)
    with pytest.raises(DBAPIError, match="one node only"):
        async with open_context() as ctx:
            await public.claim_slots(ctx, hall[3], [0], allocation)


async def test_nothing_is_claimed_on_a_slot_or_node_that_does_not_exist(
    hall: list[UUID], open_context: OpenContext
) -> None:
    with pytest.raises(SlotTaken):
        async with open_context() as ctx:
            await public.claim_slots(ctx, hall[4], [0, 1], new_id())
    with pytest.raises(NotFound):
        async with open_context() as ctx:
            await public.claim_slots(ctx, new_id(), [0], new_id())


@pytest.mark.parametrize("state", ["maintenance", "retired", "quarantined"])
async def test_a_node_out_of_service_takes_nobody_and_counts_nowhere(
    state: Any, hall: list[UUID], open_context: OpenContext
) -> None:
    async with open_context() as ctx:
        await NodeRepository(ctx.session).set_state(hall[0], state, "fan 3 is loud", await ctx.now())
        assert await free_now(ctx, "h100x8") == Availability(1, 8, 1, 8)
        found = await candidates(ctx, await sku_id(ctx, "h100x8"))
        assert [view.node_id for view in found] == [hall[1]]
    with pytest.raises(NodeNotInService):
        async with open_context() as ctx:
            await public.claim_slots(ctx, hall[0], [0], new_id())
    async with open_context() as ctx:
        node = await public.get_node(ctx, hall[0])
        assert (node.state, node.state_reason) == (state, "fan 3 is loud")
        await NodeRepository(ctx.session).set_state(hall[0], "ready", None, await ctx.now())
        assert await free_now(ctx, "h100x8") == Availability(2, 16, 2, 8)


async def test_whole_machines_come_only_from_nodes_nobody_is_on(hall: list[UUID], open_context: OpenContext) -> None:
    async with open_context() as ctx:
        kind = await sku_id(ctx, "l40sx4")
        await public.claim_slots(ctx, hall[2], [3], new_id())
        assert [view.node_id for view in await candidates(ctx, kind)] == [hall[3]]


async def test_slots_come_from_shared_nodes_with_the_image_and_from_whole_ones(
    hall: list[UUID], open_context: OpenContext
) -> None:
    async with open_context() as ctx:
        kind, noble = await sku_id(ctx, "l40sx4"), await public.image(ctx)
        await public.claim_slots(ctx, hall[2], [0, 1], new_id())
        assert [view.node_id for view in await candidates(ctx, kind, 1)] == [hall[3]]
        await public.mark_shared(ctx, hall[2], noble.id)
        await public.observe_node(ctx, hall[2], "deployed", "10.0.0.7")
        await public.record_image_warm(ctx, hall[2], noble.id)
        assert await free_now(ctx, "l40sx4") == Availability(1, 6, 2, 4)
        shared, whole = await candidates(ctx, kind, 2, "ubuntu/noble")
        assert shared == FreeNode(NodeId(hall[2]), "node-003", "m00003", is_warm=True, still_fits=True)
        assert whole.node_id == hall[3] and not whole.is_warm
        for slots_wanted, image in ((3, "ubuntu/noble"), (2, "ubuntu/jammy"), (None, "ubuntu/noble")):
            found = await candidates(ctx, kind, slots_wanted, image)
            assert [view.node_id for view in found] == [hall[3]]
        await public.mark_shared(ctx, hall[2], None)
        assert [view.node_id for view in await candidates(ctx, kind, 1)] == [hall[3]]


async def test_a_machine_that_maas_would_not_deploy_now_is_no_candidate(
    hall: list[UUID], open_context: OpenContext
) -> None:
    async with open_context() as ctx:
        kind = await sku_id(ctx, "cpu")
        for state in ("releasing", "broken", "failed", "deployed", "unknown"):
            await public.observe_node(ctx, hall[4], state)
            assert await candidates(ctx, kind) == []
        await public.observe_node(ctx, hall[4], "ready")
        assert len(await candidates(ctx, kind)) == 1


@pytest.mark.commits
async def test_of_32_claims_of_one_slot_one_wins(runtime: Runtime) -> None:
    await plant(runtime)
    await see(runtime, ("l40sx4", "l40sx4"))
    first, second = await node_ids(runtime)
    wanted = [(first, [0, 1]), (first, [1, 2]), (first, [2, 3]), (second, [0, 1, 2, 3])]

    async def claim(number: int) -> tuple[UUID, UUID] | None:
        node_id, indexes = wanted[number % 4]
        allocation = new_id()
        try:
            async with runtime.context(ANONYMOUS) as ctx:
                await public.claim_slots(ctx, node_id, indexes, allocation)
        except SlotTaken:
            return None
        return allocation, node_id

    won = [result for result in await asyncio.gather(*map(claim, range(32))) if result]
    async with runtime.context(ANONYMOUS) as ctx:
        held = [slot.allocation_id for node in (first, second) for slot in (await public.get_node(ctx, node)).slots]
    assert {allocation for allocation, _ in won} == {holder for holder in held if holder}
    assert len([node for _, node in won if node == second]) == 1
    assert 1 <= len([node for _, node in won if node == first]) <= 2


@pytest.mark.commits
async def test_32_launches_of_two_machines_get_one_each_and_the_rest_see_none_left(runtime: Runtime) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8", "h100x8"))

    async def launch() -> UUID | None:
        async with runtime.context(ANONYMOUS) as ctx:
            found = await candidates(ctx, await sku_id(ctx, "h100x8"))
            if not found:
                return None
            await public.claim_slots(ctx, found[0].node_id, None, new_id())
            return found[0].node_id

    won = [node for node in await asyncio.gather(*(launch() for _ in range(32))) if node]
    assert sorted(won) == sorted(await node_ids(runtime))


# -- prices --------------------------------------------------------------------------------------------------------


async def test_a_price_holds_from_its_instant_until_the_next_one(
    runtime: Runtime, clock: FakeClock, open_context: OpenContext
) -> None:
    runtime.clock = clock
    await plant(runtime)
    begins = clock.instant + timedelta(days=9)
    async with open_context() as ctx:
        kind = await sku_id(ctx, "h100x8")
        old = await public.price_at(ctx, kind, await ctx.now())
        new = NewPrice(
            sku_code="h100x8", rate_whole=RateMicroPerHour(19_000_000), rate_gpu=RateMicroPerHour(2_400_000),
            effective_from=begins,
        )  # fmt: skip
        await prices.announce_price(ctx, new)
        just_before = await public.price_at(ctx, kind, begins - timedelta(microseconds=1))
        after = await public.price_at(ctx, kind, begins)
        assert just_before == old
        assert old.rate(None) == 18_400_000 and old.rate(3) == 6_900_000
        assert after.rate(None) == 19_000_000 and after.price_version_id != old.price_version_id
    with pytest.raises(PriceMissing):
        async with open_context() as ctx:
            await public.price_at(ctx, kind, clock.instant - timedelta(seconds=1))
    with pytest.raises(PriceMissing):
        async with open_context() as ctx:
            await public.price_at(ctx, kind, clock.instant, "EUR")


async def test_a_price_is_never_set_for_the_past_twice_or_in_a_way_the_type_is_not_sold(
    runtime: Runtime, clock: FakeClock, open_context: OpenContext
) -> None:
    runtime.clock = clock
    await plant(runtime)
    rate = RateMicroPerHour(1)
    for price, refusal in (
        (
            NewPrice(sku_code="cpu", rate_whole=rate, rate_gpu=None, effective_from=clock.instant - timedelta(1)),
            PriceInThePast,
        ),
        (NewPrice(sku_code="cpu", rate_whole=rate, rate_gpu=None), CodeTaken),  # the seed's begins at this instant
        (NewPrice(sku_code="cpu", rate_whole=rate, rate_gpu=rate), ValidationFailed),
        (NewPrice(sku_code="h100x8", rate_whole=rate, rate_gpu=None), ValidationFailed),
        (NewPrice(sku_code="nothing", rate_whole=rate, rate_gpu=None), NotFound),
    ):
        with pytest.raises(refusal):
            async with open_context() as ctx:
                await prices.announce_price(ctx, price)


@pytest.mark.commits
async def test_nobody_can_rewrite_a_price_not_even_the_owner(runtime: Runtime, database: DatabaseUrls) -> None:
    await plant(runtime)
    for url in (database.app, database.owner):
        for statement in (
            "UPDATE inventory.sku_prices SET rate_whole_micro = 1",
            "DELETE FROM inventory.sku_prices",
            "TRUNCATE inventory.sku_prices",
        ):
            with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


# -- catalog and images --------------------------------------------------------------------------------------------


async def test_planting_twice_leaves_one_of_everything(runtime: Runtime, open_context: OpenContext) -> None:
    await plant(runtime)
    await plant(runtime)
    async with open_context() as ctx:
        skus = await SkuRepository(ctx.session).list_skus()
        found = await PriceRepository(ctx.session).list_prices([sku.id for sku in skus], "USD")
        assert sorted(sku.code for sku in skus) == sorted(sku.code for sku in SKUS)
        assert [len(rows) for rows in found.values()] == [1, 1, 1, 1]
        assert [image.code for image in await ImageRepository(ctx.session).list_images()] == [
            "ubuntu/noble",
            "custom/ml-noble",
            "ubuntu/jammy",
        ]


async def test_a_code_is_never_given_to_another_type(runtime: Runtime, open_context: OpenContext) -> None:
    await plant(runtime)
    other = NewSku(code="cpu", title="Other", cpu_count=4, memory_gib=8, disks=(), network_gbps=1, sells_slots=False)
    with pytest.raises(CodeTaken):
        async with open_context() as ctx:
            await catalog.add_sku(ctx, other)


async def test_only_operators_change_the_catalog(runtime: Runtime, sign_in_as: Any) -> None:
    customer = await sign_in_as("ada")
    for actor, refusal in ((ANONYMOUS, Unauthenticated), (customer.actor, Forbidden)):
        with pytest.raises(refusal):
            async with runtime.context(actor) as ctx:
                await plant_catalog(ctx)
    operator = await sign_in_as("olga", operator=True)
    async with runtime.context(operator.actor) as ctx:
        await plant_catalog(ctx)


async def test_the_default_image_is_the_one_without_a_name(runtime: Runtime, open_context: OpenContext) -> None:
    await plant(runtime)
    async with open_context() as ctx:
        assert (await public.image(ctx)).code == "ubuntu/noble"
        assert (await public.image(ctx, "custom/ml-noble")).maas_name == "custom/ml-noble"
    with pytest.raises(NotFound):
        async with open_context() as ctx:
            await public.image(ctx, "windows")


async def test_a_node_remembers_which_image_it_used_when(
    runtime: Runtime, clock: FakeClock, open_context: OpenContext
) -> None:
    runtime.clock = clock
    await plant(runtime)
    await see(runtime, ("cpu",))
    (node,) = await node_ids(runtime)
    first = clock.instant
    for _ in range(2):
        async with open_context() as ctx:
            await public.record_image_warm(ctx, node, (await public.image(ctx)).id)
        last = clock.instant
        clock.advance(600)
    async with open_context() as ctx:
        (warm,) = (await public.get_node(ctx, node)).warm
    assert (warm.code, warm.warmed_at, warm.last_used_at) == ("ubuntu/noble", first, last)
