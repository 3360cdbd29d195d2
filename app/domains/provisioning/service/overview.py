"""The first page: money, items that need attention, active machines, offers, and the first steps of newcomers."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import BalanceView, SpendView
from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import Offer
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, TimelineRepository
from app.domains.provisioning.repository.first_steps import FirstStepsRepository
from app.domains.provisioning.rules.attention import failed_lately, is_slow
from app.domains.provisioning.service.views import Machine, with_costs
from app.domains.releases import public as releases
from app.shared.audit import AuditAction
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.use_case import use_case

RECENT = 50
OFFERS = 4


class FirstSteps(msgspec.Struct, frozen=True, kw_only=True):
    """How far a newcomer is."""

    has_credit: bool
    has_launched: bool
    has_entered: bool
    active: Allocation | None
    may_pay: bool
    may_rename: bool
    has_key: bool | None  # None: this actor has no keys to add


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the first page. `first_steps` is None when they are done or were put away."""

    machines: list[Machine]
    balance: BalanceView | None
    spend: SpendView | None
    first_steps: FirstSteps | None
    slow: list[Allocation]
    failed: list[Allocation]
    overdue: list[Allocation]
    last: Allocation | None
    offers: list[Offer]
    at: datetime


class HideFirstSteps(msgspec.Struct, frozen=True, kw_only=True):
    """Hide the list of first steps for this person in this project."""


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    hidden: bool = True


async def overview(ctx: Context) -> Overview:
    """What there is now, in the actor's project and with the actor's rights."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    repository, now = AllocationRepository(ctx.session), await ctx.now()
    recent = await repository.page(scope, before=None, limit=RECENT)
    live = [row for row in recent if row.ended_at is None]
    if len(recent) == RECENT:  # there may be older ones
        live = await repository.page(scope, before=None, limit=RECENT, live=True)
    sees_money = may(ctx.actor, Permission.BILLING_READ)
    balance = await billing.balance(ctx, scope.tenant_id) if sees_money else None
    steps = await _first_steps(ctx, scope, balance, recent)
    return Overview(
        machines=await with_costs(ctx, live),
        balance=balance,
        spend=await billing.spend(ctx) if sees_money else None,
        first_steps=steps,
        slow=await _slow(ctx, live, now),
        failed=_failed(recent, now),
        overdue=[row for row in live if row.state == "release_failed"],
        last=recent[0] if recent else None,
        offers=[] if steps is not None and not steps.has_launched else await _offers(ctx),
        at=now,
    )


async def _slow(ctx: Context, live: Sequence[Allocation], now: datetime) -> list[Allocation]:
    timeline, slow = TimelineRepository(ctx.session), []
    for row in live:
        if is_slow(row.state, row.requested_at, now, None):  # too long whatever is usual: only then is it asked for
            usual = await timeline.usual_ready_seconds(row.sku_id, row.image_code)
            if is_slow(row.state, row.requested_at, now, usual):
                slow.append(row)
    return slow


def _failed(recent: Sequence[Allocation], now: datetime) -> list[Allocation]:
    """Launches that failed lately, unless something of that name was launched after it. Newest first."""
    failed, names = [], set()
    for row in recent:
        if row.name not in names and failed_lately(row.state, row.ended_at, now):
            failed.append(row)
        names.add(row.name)
    return failed


async def _offers(ctx: Context) -> list[Offer]:
    """The first types of the catalog, with what is free of them now."""
    if not may(ctx.actor, Permission.ALLOCATION_LAUNCH):
        return []
    return list(islice((await inventory.list_offers(ctx)).items, OFFERS))


async def _first_steps(
    ctx: Context, scope: ProjectScope, balance: BalanceView | None, recent: Sequence[Allocation]
) -> FirstSteps | None:
    if not may(ctx.actor, Permission.ALLOCATION_LAUNCH):
        return None
    if ctx.actor.id is None:
        return None
    gave_back = any(row.state == "released" for row in recent)  # whoever had a machine and gave it back is no newcomer
    has_money = balance is None or balance.available > 0 or balance.held > 0 or bool(recent)
    has_launched = any(row.active_at is not None for row in recent)
    has_entered = gave_back or await releases.has_entered(ctx, [row.id for row in recent])
    if has_money and has_launched and has_entered:
        return None
    if await FirstStepsRepository(ctx.session).are_hidden(scope, ctx.actor.id):
        return None
    return FirstSteps(
        has_credit=has_money,
        has_launched=has_launched,
        has_entered=has_entered,
        active=next((row for row in recent if row.state == "active"), None),
        may_pay=may(ctx.actor, Permission.PAYMENT_CREATE),
        may_rename=may(ctx.actor, Permission.TEAM_MANAGE),
        has_key=bool(await releases.list_keys(ctx)) if may(ctx.actor, Permission.SSH_KEY_MANAGE) else None,
    )


@use_case(Permission.ALLOCATION_READ, AuditAction.FIRST_STEPS_HIDE)
async def hide_first_steps(ctx: Context, _command: HideFirstSteps) -> Hidden:
    """Put the list away, for this person in this project. Safe to repeat."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    if ctx.actor.id is None:
        raise Forbidden()
    await FirstStepsRepository(ctx.session).hide(scope, ctx.actor.id, await ctx.now())
    return Hidden()
