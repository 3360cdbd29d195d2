"""Holds: money set aside for a launch, and released when the machine ends."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domains.billing.contracts import PlaceHold
from app.domains.billing.errors import InsufficientCredit, NoBillingAccount, ReferenceReused, StillMetered
from app.domains.billing.repository.holds import HoldRepository
from app.domains.billing.repository.ledger import LedgerRepository, Leg, Posting
from app.domains.billing.repository.meters import Meter, MeterRepository
from app.domains.billing.rules import holds
from app.domains.billing.service import balances, changes
from app.shared.context import Context
from app.shared.money import Micro


async def place_hold(ctx: Context, command: PlaceHold) -> None:
    """Move `amount` from available to held, promotions first, in one statement. Repeating the same hold does nothing.

    Call it as late in the transaction as the rules allow: the tenant's account is locked from here to the commit. What
    must be true together with the hold (a quota, a name that is free) is checked once more after it, under its lock.

    Raises InsufficientCredit, NoBillingAccount, ReferenceReused (same allocation, other amount).
    """
    if command.amount < 0:
        raise ValueError("a hold is not negative")
    outcome, standing = await HoldRepository(ctx.session).place_hold(command, await ctx.now(), ctx.trace.correlation_id)
    if standing is None:
        raise NoBillingAccount()
    if outcome == "reused":
        raise ReferenceReused()
    if outcome == "not enough":
        raise InsufficientCredit(standing.available, command.amount, standing.currency)
    if outcome == "placed":
        await changes.publish_standing(ctx, standing, "hold")


async def release_hold(ctx: Context, allocation_id: UUID) -> None:
    """Release the hold of an allocation that never became active: it costs nothing. Safe to repeat.

    Raises StillMetered while its meter runs: call `stop_metering` instead.
    """
    meters = MeterRepository(ctx.session)
    meter = await meters.find(allocation_id)
    if meter is None:
        return
    await balances.lock(ctx, meter.tenant_id)
    meter = await meters.find(allocation_id)
    if meter is None or meter.ended_at is not None:
        return
    if meter.metered_from is not None:
        raise StillMetered()
    await close(ctx, [meter])
    await changes.publish(ctx, meter.tenant_id, "hold_released")


async def close(ctx: Context, ending: Sequence[Meter]) -> None:
    """End these meters of one tenant and release the rest of each hold. The caller holds the tenant's lock."""
    now, ledger = await ctx.now(), LedgerRepository(ctx.session)
    await MeterRepository(ctx.session).end({meter.allocation_id: meter.ended_at or now for meter in ending})
    held = await ledger.list_holds([meter.allocation_id for meter in ending])
    debt = (await balances.get_funds(ctx, ending[0].tenant_id)).debt if ending else Micro(0)
    releases: list[Posting] = []
    for meter in ending:
        hold = held[meter.allocation_id]
        if hold.remaining:
            promotions, credit = holds.split_release(hold.remaining, hold.promotions, hold.credit)
            parts = holds.settle_debt(credit, debt)
            debt = Micro(debt - parts.debt)
            releases.append(_release(ctx, meter, promotions, parts, now))
    await ledger.append_all(releases)


def _release(ctx: Context, meter: Meter, promotions: Micro, parts: holds.DebtSplit, now: datetime) -> Posting:
    return Posting(
        kind="hold_released",
        reference=f"release:{meter.allocation_id}",
        cause_id=meter.allocation_id,
        tenant_id=meter.tenant_id,
        project_id=meter.project_id,
        currency=meter.currency,
        occurred_at=now,
        correlation_id=ctx.trace.correlation_id,
        legs=(
            Leg("customer_held", Micro(-promotions - parts.debt - parts.credit), meter.allocation_id),
            Leg("customer_promotions", promotions),
            Leg("customer_debt", parts.debt),
            Leg("customer_credit", parts.credit),
        ),
    )
