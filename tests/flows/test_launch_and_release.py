"""One machine from click to receipt: real Temporal, PostgreSQL, simulated MAAS and nodes over their own protocols."""

from uuid import UUID

import pytest
from sqlalchemy import text

from app.domains.billing import public as billing
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from tests.domains.provisioning.world import USD, provisioner, small_cloud

STORIES = text("""
    SELECT correlation_id FROM shared.outbox_events WHERE aggregate_id = :id
    UNION SELECT correlation_id FROM admin.audit_logs WHERE target_id = CAST(:id AS text)
    UNION SELECT correlation_id FROM billing.ledger_transactions WHERE cause_id = :id AND kind = 'hold'
""")


async def stories(runtime: Runtime, allocation_id: UUID) -> set[str]:
    """The correlation ids of what a launch left behind, on both sides of Temporal: events, audit, ledger."""
    async with runtime.context(SYSTEM) as ctx:
        return set(await ctx.session.scalars(STORIES, {"id": allocation_id}))


pytestmark = [pytest.mark.commits]


async def test_a_whole_machine_is_launched_works_and_comes_back_erased(runtime, temporal_server, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path) as world:
        await world.stock()
        async with provisioner(world, temporal_server.url):
            launched = await world.launch("l40sx4", name="train-07")
            active = await world.until(launched.allocation_id, "active")
            assert (await world.counts())["held"] == launched.hold_micro
            assert sorted(await world.machines()).count("DEPLOYED") == 0
            assert list((await world.machines()).values()).count("DEPLOYED") == 1
            assert await stories(runtime, active.id) == {active.correlation_id}
            await world.release(active.id)
            await world.until(active.id, "released")
        counts = await world.counts()
        assert (counts["claims"], counts["slots"], counts["deployments"], counts["held"]) == (0, 0, 0, 0)
        assert set((await world.machines()).values()) == {"READY"}
        async with runtime.context(SYSTEM) as ctx:
            receipt = await billing.receipt(ctx, active.id)
        assert receipt is not None
        assert counts["available"] == 1_000 * USD - receipt.total
        assert [step[1:] for step in await world.steps(active.id)] == [
            (name, "active") for name in ("place", "deploy", "configure", "probe", "activate", "close", "erase")
        ]
