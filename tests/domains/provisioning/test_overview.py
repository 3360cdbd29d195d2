"""The first page: a newcomer's steps until they are done or put away, what needs somebody, money with its source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domains.billing import public as billing
from app.domains.billing.contracts import StartMetering
from app.domains.provisioning.rules.attention import FAILED_FOR, SLOW_MINIMUM, failed_lately, is_slow
from app.domains.provisioning.rules.states import STARTING, STATES
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertifyUser
from app.shared.authz.actor import SYSTEM
from app.shared.money import RateMicroPerHour
from devstack.keys import ensure_authorities
from tests.domains.provisioning.test_pages import ada, give_credit, launch
from tests.domains.provisioning.world import USD
from tests.domains.releases.machines import a_machine
from tests.fixtures.app import Browser

__all__ = ["ada"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHANGE = (
    "UPDATE provisioning.allocations SET state = :state, active_at = :active_at, ended_at = :ended_at WHERE id = :id"
)


async def _change(runtime, allocation_id: str, state: str, *, ended: bool = False) -> None:
    """As if our workers had come that far."""
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        values = {"id": allocation_id, "state": state, "active_at": now if state == "active" else None}
        await ctx.session.execute(text(CHANGE), {**values, "ended_at": now if ended else None})


async def test_a_newcomer_sees_the_steps_and_where_to_begin(sign_in_as) -> None:
    browser = await sign_in_as("nora")
    page = (await browser.client.get("/")).text
    assert "First steps" in page and "1 of 4 done" in page
    assert page.count('href="/billing/credit"') >= 1 and "Launch your first machine" in page
    assert "Quick launch" not in page
    assert "The terminal in the browser works without one." in page and 'href="/settings/keys"' in page


async def test_the_steps_follow_what_is_done_and_go_when_all_is(ada: Browser, runtime) -> None:
    assert "2 of 4 done" in (await ada.client.get("/")).text
    ensure_authorities(runtime.settings.pki_dir)
    launched = await launch(ada)
    await _change(runtime, launched["allocation_id"], "active")
    page = (await ada.client.get("/overview/now")).text
    assert "3 of 4 done" in page
    assert f'href="/machines/{launched["allocation_id"]}/terminal"' in page
    machine = a_machine(
        tenant_id=ada.actor.tenant_id, project_id=ada.actor.project_id, allocation_id=UUID(launched["allocation_id"])
    )
    async with runtime.context(SYSTEM) as ctx:
        await releases.login_target(ctx, CertifyUser(machine=machine, user_id=ada.actor.id, purpose="probe"))
    assert "First steps" in (await ada.client.get("/")).text  # our own probe is no visit
    async with runtime.context(SYSTEM) as ctx:
        await releases.login_target(ctx, CertifyUser(machine=machine, user_id=ada.actor.id))
    page = (await ada.client.get("/")).text
    assert "First steps" not in page and "Quick launch" in page and "As train-07 again" in page


async def test_the_steps_can_be_put_away_by_each_person_in_each_project(ada: Browser, sign_in_as, runtime) -> None:
    answer = await ada.post("/overview/steps/hide")
    assert answer.status_code == 303
    assert "First steps" not in (await ada.client.get("/")).text
    assert "First steps" in (await (await sign_in_as("nora")).client.get("/")).text
    async with runtime.context(SYSTEM) as ctx:
        audited = await ctx.session.scalar(
            text("SELECT count(*) FROM admin.audit_logs WHERE action = 'first_steps.hide'")
        )
    assert audited == 1


async def test_a_failed_launch_needs_somebody_until_its_name_is_launched_again(ada: Browser, runtime) -> None:
    launched = await launch(ada)
    await _change(runtime, launched["allocation_id"], "failed", ended=True)
    assert "train-07 could not be launched" in (await ada.client.get("/")).text
    await launch(ada)
    assert "could not be launched" not in (await ada.client.get("/")).text


async def test_the_month_shows_what_the_meters_say(ada: Browser, runtime, clock) -> None:
    launched = await launch(ada)
    runtime.clock = clock
    async with runtime.context(SYSTEM) as ctx:
        await billing.start_metering(
            ctx,
            StartMetering(
                tenant_id=ada.actor.tenant_id, project_id=ada.actor.project_id,
                allocation_id=UUID(launched["allocation_id"]), sku_id=UUID(int=1), price_version_id=UUID(int=2),
                rate=RateMicroPerHour(4_800_000), at=clock.instant,
            ),
        )  # fmt: skip
    clock.advance(1_800)
    page = (await ada.client.get("/overview/now")).text
    assert "Spent in March" in page and "$2.40" in page and "in all of February" in page
    assert "Machines ran on 1 of the last 30 days, for $2.40" in page


async def test_low_credit_needs_somebody(sign_in_as, ada: Browser, runtime, clock) -> None:
    launched = await launch(ada)
    runtime.clock = clock
    async with runtime.context(SYSTEM) as ctx:
        await billing.start_metering(
            ctx,
            StartMetering(
                tenant_id=ada.actor.tenant_id, project_id=ada.actor.project_id,
                allocation_id=UUID(launched["allocation_id"]), sku_id=UUID(int=1), price_version_id=UUID(int=2),
                rate=RateMicroPerHour(50 * USD), at=clock.instant,
            ),
        )  # fmt: skip
    page = (await ada.client.get("/overview/now")).text
    assert "Needs you" in page and "Your credit ends soon" in page
    await give_credit(runtime, ada, 1_000 * USD)
    assert "Your credit ends soon" not in (await ada.client.get("/overview/now")).text


@given(st.sampled_from(STATES), st.integers(0, 10_000), st.one_of(st.none(), st.floats(0, 3_000)))
def test_only_what_is_being_made_can_be_slow(state: str, seconds: int, usual: float | None) -> None:
    slow = is_slow(state, NOW - timedelta(seconds=seconds), NOW, usual)
    assert not (slow and state not in STARTING)
    assert not (slow and timedelta(seconds=seconds) <= SLOW_MINIMUM)
    assert not (slow and usual and seconds <= usual)


@pytest.mark.parametrize(("hours", "shown"), [(0, True), (24, True), (25, False)])
def test_a_failure_is_old_after_a_day(hours: int, shown: bool) -> None:
    assert failed_lately("failed", NOW - timedelta(hours=hours), NOW) is shown
    assert not failed_lately("released", NOW, NOW)
    assert timedelta(hours=24) == FAILED_FOR
