"""How operators set prices: within bounds alone, beyond them by two people, and back at once when it hurts the house.

Nothing here rewrites what a customer has agreed to: a running machine keeps its rate, a price in force is followed by a
newer one.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.inventory import policies
from app.domains.inventory.contracts import NewPrice, PriceView, SkuView
from app.domains.inventory.errors import NoEarlierPrice, PriceInForce, PriceInThePast, PriceNotice, PriceNotInForce
from app.domains.inventory.events import CatalogChanged
from app.domains.inventory.repository.prices import PriceRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.rules import pricing
from app.domains.inventory.rules.pricing import Bounds, PlanPrice, PriceEffect, PriceEntry, earliest_start, is_raise
from app.domains.inventory.service.nodes import reason_of
from app.domains.inventory.service.prices import append_price
from app.shared.approval import ChangeRequest, Outcome, ask, performs
from app.shared.audit import AuditAction
from app.shared.authz import Permission, PlatformScope, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.formats import instant, rate
from app.shared.text import given
from app.shared.use_case import use_case


class UndoPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Go back to the price before the one in force."""

    price_id: UUID
    reason: str


class WithdrawPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Withdraw a price that has not started."""

    price_id: UUID
    reason: str


class PriceWithdrawn(msgspec.Struct, frozen=True, kw_only=True):
    price_id: UUID


MANAGE = Permission.PLATFORM_CATALOG_MANAGE


class _Planned(msgspec.Struct, frozen=True):
    """A price as it would be, with what is known about it."""

    sku: SkuView
    new: NewPrice
    effect: PriceEffect


@use_case(MANAGE, AuditAction.PRICE_PLAN, lambda command, _result: command.sku_code)
async def plan_price(ctx: Context, command: PlanPrice) -> Outcome[PriceView]:
    """Announce a price: a higher one at least the notice of policy ahead, one far from the last one by two people.
    Raises NotFound, PriceNotice, PriceInThePast, CodeTaken, ValidationFailed."""
    reason = None if given(command.reason) is None else reason_of(command.reason)
    planned = await _plan(ctx, command)
    if reason is not None:
        ctx.explain(reason=reason)
    if planned.effect.beyond_alone is None:
        return Outcome(done=await _announce(ctx, planned, ctx.actor.id, None))
    return await _ask(ctx, AuditAction.PRICE_PLAN, command, planned, reason or planned.effect.beyond_alone)


@performs(AuditAction.PRICE_PLAN, PlanPrice)
async def plan_by_two(ctx: Context, command: PlanPrice, request: ChangeRequest) -> PriceView:
    """What two people decided; the notice counts from now."""
    planned = await _plan(ctx, command)
    price = await _announce(ctx, planned, request.requested_by, ctx.actor.id)
    await ctx.audit(AuditAction.PRICE_PLAN, command.sku_code, {"requested_by": str(request.requested_by)})
    return price


async def preview_price(ctx: Context, command: PlanPrice) -> PriceEffect:
    """What that price would mean, without setting it. Raises what `plan_price` does."""
    return (await _plan(ctx, command, only_look=True)).effect


async def try_price(ctx: Context, command: Callable[[], PlanPrice]) -> tuple[PriceEffect | None, str]:
    """The same for what is typed into the page: the effect, or what is wrong with it."""
    try:
        return await preview_price(ctx, command()), ""
    except ValidationFailed as refusal:
        return None, next(iter(refusal.fields.values()), refusal.message)


@use_case(MANAGE, AuditAction.PRICE_UNDO, lambda command, _result: command.price_id)
async def undo_price(ctx: Context, command: UndoPrice) -> Outcome[PriceView]:
    """Go back to the price before the one in force, at once: no notice, because customers had it until then. Where that
    is far below, two people decide. Raises NotFound, PriceNotInForce, NoEarlierPrice, ValidationFailed."""
    planned = await _undo(ctx, command)
    ctx.explain(reason=reason_of(command.reason))
    if planned.effect.beyond_alone is None or not pricing.lowers(planned.effect):
        return Outcome(done=await _announce(ctx, planned, ctx.actor.id, None))
    return await _ask(ctx, AuditAction.PRICE_UNDO, command, planned, reason_of(command.reason))


@performs(AuditAction.PRICE_UNDO, UndoPrice)
async def undo_by_two(ctx: Context, command: UndoPrice, request: ChangeRequest) -> PriceView:
    """What two people decided."""
    price = await _announce(ctx, await _undo(ctx, command), request.requested_by, ctx.actor.id)
    await ctx.audit(AuditAction.PRICE_UNDO, command.price_id, {"requested_by": str(request.requested_by)})
    return price


@use_case(MANAGE, AuditAction.PRICE_WITHDRAW, lambda command, _result: command.price_id)
async def withdraw_price(ctx: Context, command: WithdrawPrice) -> PriceWithdrawn:
    """Withdraw a price before it starts. Safe to repeat. Raises NotFound, PriceInForce."""
    scope, now, reason = platform_scope(ctx.actor, MANAGE), await ctx.now(), reason_of(command.reason)
    ctx.explain(reason=reason)
    price = await PriceRepository(ctx.session).find_entry(scope, command.price_id)
    if price is None:
        raise NotFound()
    if price.withdrawn_at is None and price.effective_from <= now:
        raise PriceInForce()
    await PriceRepository(ctx.session).withdraw_price(price.price_version_id, reason, ctx.actor.id, now)
    sku = (await SkuRepository(ctx.session).list_by_id([price.sku_id]))[price.sku_id]
    await ctx.emit(CatalogChanged(sku_id=sku.id), version=sku.version)
    return PriceWithdrawn(price_id=price.price_version_id)


async def _plan(ctx: Context, command: PlanPrice, *, only_look: bool = False) -> _Planned:
    scope, now = platform_scope(ctx.actor, MANAGE), await ctx.now()
    find = SkuRepository(ctx.session).find_sku(command.sku_code) if only_look else None
    sku = await (find or SkuRepository(ctx.session).lock_sku(scope, command.sku_code))
    bounds = await _bounds(ctx)
    wrong = pricing.problems(command, sku, bounds, now)
    if wrong or sku is None:
        raise ValidationFailed(next(iter(wrong.values())), fields=wrong)
    known = (await PriceRepository(ctx.session).list_entries(scope, [sku.id])).get(sku.id, [])
    before = (await PriceRepository(ctx.session).list_prices_at([sku.id], command.currency, now)).get(sku.id)
    raises = is_raise(before, command.rate_whole, command.rate_gpu)
    notice = timedelta(hours=await ctx.policy(policies.PRICE_NOTICE_HOURS))
    earliest = earliest_start(now, notice, raises=raises)
    begins = earliest if command.effective_from is None else command.effective_from
    if begins < now:
        raise PriceInThePast()
    if raises and begins < earliest:
        raise PriceNotice(f"A higher price begins {instant(earliest)} at the earliest.")
    new = NewPrice(
        sku_code=command.sku_code, rate_whole=command.rate_whole, rate_gpu=command.rate_gpu,
        currency=command.currency, effective_from=begins,
    )  # fmt: skip
    return _Planned(sku, new, await _effect(ctx, scope, sku, new, known, bounds))


async def _undo(ctx: Context, command: UndoPrice) -> _Planned:
    scope, now = platform_scope(ctx.actor, MANAGE), await ctx.now()
    price = await PriceRepository(ctx.session).find_entry(scope, command.price_id)
    if price is None:
        raise NotFound()
    code = (await SkuRepository(ctx.session).list_by_id([price.sku_id]))[price.sku_id].code
    sku = await SkuRepository(ctx.session).lock_sku(scope, code)
    if sku is None:
        raise NotFound()
    known = (await PriceRepository(ctx.session).list_entries(scope, [sku.id])).get(sku.id, [])
    if pricing.standing(price, known, now) != "in force":
        raise PriceNotInForce()
    hours = await ctx.policy(policies.PRICE_UNDO_HOURS)
    if now - price.effective_from > timedelta(hours=hours):
        raise PriceNotInForce(f"This price began more than {hours} hours ago: plan a new one.")
    before = pricing.before(price, known)
    bounds = await _bounds(ctx)
    if before is None or not bounds.minimum <= min(before.rate_whole, before.rate_gpu or before.rate_whole):
        raise NoEarlierPrice()
    new = NewPrice(
        sku_code=code, rate_whole=before.rate_whole, rate_gpu=before.rate_gpu, currency=before.currency,
        effective_from=now,
    )  # fmt: skip
    return _Planned(sku, new, await _effect(ctx, scope, sku, new, known, bounds))


async def _effect(
    ctx: Context, scope: PlatformScope, sku: SkuView, new: NewPrice, known: list[PriceEntry], bounds: Bounds
) -> PriceEffect:
    now = await ctx.now()
    current = pricing.in_force(known, new.currency, now)
    counts = await SkuRepository(ctx.session).count_use(scope, sku.id)
    return PriceEffect(
        sku_code=sku.code,
        currency=new.currency,
        effective_from=new.effective_from or now,
        current_whole=current.rate_whole if current else None,
        current_gpu=current.rate_gpu if current else None,
        new_whole=new.rate_whole,
        new_gpu=new.rate_gpu,
        whole_difference=new.rate_whole - current.rate_whole if current else None,
        gpu_difference=pricing.difference(new.rate_gpu, current.rate_gpu) if current else None,
        machines=counts.machines,
        free_machines=counts.free,
        rentals=counts.rentals,
        beyond_alone=pricing.beyond_alone(new, pricing.measures(known, new.currency, now, bounds), bounds),
    )


async def _announce(ctx: Context, planned: _Planned, by: UUID | None, seconded_by: UUID | None) -> PriceView:
    new = planned.new
    begins = new.effective_from.isoformat() if new.effective_from else None
    ctx.explain(effective_from=begins)
    effect = planned.effect
    ctx.changed(rate_whole=(effect.current_whole, new.rate_whole), rate_gpu=(effect.current_gpu, new.rate_gpu))
    price = await append_price(ctx, planned.sku, new, by, seconded_by)
    await ctx.emit(CatalogChanged(sku_id=planned.sku.id), version=planned.sku.version)
    return price


async def _ask(
    ctx: Context, action: AuditAction, command: PlanPrice | UndoPrice, planned: _Planned, reason: str
) -> Outcome[PriceView]:
    effect = planned.effect
    before = "no price" if effect.current_whole is None else rate(effect.current_whole, effect.currency)
    after = rate(effect.new_whole, effect.currency)
    if effect.new_gpu is not None:
        after += f" and {rate(effect.new_gpu, effect.currency, unit='GPU-h')}"
    summary = f"{effect.sku_code}: {before} becomes {after} ({effect.beyond_alone})"
    asked = await ask(ctx, action, command, target=effect.sku_code, summary=summary, reason=reason)
    return Outcome(asked=asked)


async def _bounds(ctx: Context) -> Bounds:
    return Bounds(
        minimum=await ctx.policy(policies.PRICE_MINIMUM),
        maximum=await ctx.policy(policies.PRICE_MAXIMUM),
        drop_percent=await ctx.policy(policies.PRICE_DROP_PERCENT),
        rise_percent=await ctx.policy(policies.PRICE_RISE_PERCENT),
        window=timedelta(hours=await ctx.policy(policies.PRICE_WINDOW_HOURS)),
    )
