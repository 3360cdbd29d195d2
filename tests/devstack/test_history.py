"""The history of the demonstration: written through the use cases, it leaves books that add up and a fleet that is
free; interrupted anywhere and written again, it is the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import text

from app.domains.billing import public as billing
from app.shared.authz.actor import SYSTEM
from app.shared.ids import new_id
from devstack.history import past as past_module
from devstack.history.past import Past, SilentOutbox
from devstack.history.script import Payment, Run
from devstack.history.write import Chapter, begin, write
from devstack.seed import plant_catalog
from tests.domains.payments.buyer import Mailbox
from tests.domains.provisioning.world import add_nodes
from tests.simulators.stripe_world import SECRET_KEY, stripe_world

if TYPE_CHECKING:
    from app.shared.context import Runtime

pytestmark = pytest.mark.commits
CHAPTER = Chapter(
    runs=(
        Run(name="train", who="dana", project="vision", sku="h100x8", day=0, hour=10, hours=4.3),
        Run(name="half", who="eli", project="language", sku="h100x8", gpus=4, day=0, hour=11.5, hours=9),
        Run(name="more", who="farah", project="language", sku="h100x8", gpus=2, day=0, hour=12, hours=2),
        Run(name="broken", who="dana", project="vision", sku="h100x8", day=1, hour=8, hours=0.02, ends="failed"),
        Run(name="unwanted", who="eli", project="vision", sku="h100x8", day=1, hour=9, hours=0.01, ends="canceled"),
        Run(name="train", who="dana", project="vision", sku="h100x8", day=2, hour=6, hours=3),
    ),
    payments=(Payment(0, 9.5, 250), Payment(1, 12, 100)),
)
COUNTS = """
    SELECT (SELECT count(*) FROM provisioning.allocations), (SELECT count(*) FROM payments.payment_sessions),
           (SELECT count(*) FROM auth.users), (SELECT count(*) FROM auth.memberships),
           (SELECT count(*) FROM auth.projects), (SELECT count(*) FROM billing.ledger_transactions),
           (SELECT count(*) FROM billing.usage_records), (SELECT sum(amount)::bigint FROM billing.usage_records),
           (SELECT count(*) FROM provisioning.allocation_events), (SELECT count(*) FROM admin.audit_logs)
"""
HELD = """
    SELECT (SELECT count(*) FROM provisioning.allocation_resource_claims WHERE freed_at IS NULL),
           (SELECT count(*) FROM inventory.node_resource_slots WHERE allocation_id IS NOT NULL),
           (SELECT count(*) FROM provisioning.node_deployments WHERE state <> 'ended'),
           (SELECT count(*) FROM inventory.nodes WHERE state <> 'ready'),
           (SELECT count(*) FROM provisioning.allocations WHERE ended_at IS NULL),
           (SELECT count(*) FROM shared.outbox_events)
"""


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
async def demo(runtime: Runtime, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A simulated Stripe and two machines, before the first customer."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(stripe_world(tmp_path / "stripe", Mailbox()))
        stripe = msgspec.structs.replace(runtime.settings.stripe, secret_key=SECRET_KEY, api_url=world.url)
        runtime.settings = msgspec.structs.replace(runtime.settings, stripe=stripe)
        opened = datetime.now(UTC) - timedelta(days=40)
        async with Past(runtime, opened).context(opened) as ctx:
            await plant_catalog(ctx)
        await add_nodes(runtime, "h100x8", 2)
        yield runtime


async def _write(runtime: Runtime) -> None:
    begun = await begin(runtime, CHAPTER)
    assert begun is not None
    await write(runtime, begun, CHAPTER)


async def _row(runtime: Runtime, sql: str) -> tuple[object, ...]:
    async with runtime.context(SYSTEM) as ctx:
        return tuple((await ctx.session.execute(text(sql))).one())


async def test_it_adds_up_and_leaves_nothing_behind(demo: Runtime) -> None:
    outbox = "SELECT count(*) FROM shared.outbox_events"
    [told] = await _row(demo, outbox)
    await _write(demo)
    async with demo.context(SYSTEM) as ctx:
        report = await billing.verify_ledger(ctx)
    assert report.ok, billing.render_verify_report(report)
    assert await _row(demo, HELD) == (0, 0, 0, 0, 0, told)
    states = await _row(
        demo, "SELECT array_agg(state || ' ' || coalesce(failure_code, '') ORDER BY id) FROM provisioning.allocations"
    )
    assert states == (["released ", "released ", "released ", "failed timed_out", "canceled ", "released "],)
    [late, after] = await _row(
        demo,
        "SELECT max(occurred_at) < clock_timestamp() - interval '59 minutes', (SELECT bool_and(active_at > requested_at"
        " AND ended_at > release_requested_at) FROM provisioning.allocations WHERE state = 'released')"
        " FROM billing.ledger_transactions",
    )
    assert late and after


async def test_it_is_written_once(demo: Runtime) -> None:
    await _write(demo)
    before = await _row(demo, COUNTS)
    await _write(demo)
    assert await _row(demo, COUNTS) == before
    async with demo.context(SYSTEM) as ctx:
        await ctx.session.execute(text("DELETE FROM shared.idempotency_keys"))
    assert await begin(demo, CHAPTER) is None


@pytest.mark.parametrize("stride", [1, 7, 23])
async def test_killed_anywhere_and_written_again_it_is_the_same(
    demo: Runtime, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    """Each try gets a little further than the one before and dies inside a transaction."""
    allowed = stride

    class Dying(SilentOutbox):
        said = 0

        async def _add(self, *row: object) -> object:  # type: ignore[override]
            Dying.said += 1
            if Dying.said > allowed:
                raise Killed
            return new_id()

    monkeypatch.setattr(past_module, "SilentOutbox", Dying)
    kills = 0
    while True:
        Dying.said = 0
        try:
            await _write(demo)
            break
        except Killed:
            kills += 1
            allowed = stride if stride > 1 else min(40, allowed + 1)
    monkeypatch.undo()
    assert kills > 3
    counts = await _row(demo, COUNTS)
    assert counts[:5] == (6, 2, 3, 3, 2)
    async with demo.context(SYSTEM) as ctx:
        assert (await billing.verify_ledger(ctx)).ok
    await _write(demo)
    assert await _row(demo, COUNTS) == counts
