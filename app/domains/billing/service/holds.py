"""Money set aside for a launch: placed, and given back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domains.billing.contracts import PlaceHold
from app.domains.billing.errors import InsufficientCredit, ReferenceReused, StillMetered
from app.domains.billing.repository import ledger, metering
from app.domains.billing.repository.ledger import Leg, Posting
from app.domains.billing.repository.metering import Metered
from app.domains.billing.rules import holds
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.money import Micro


async def place_hold(ctx: Context, command: PlaceHold) -> None:
    """Move `amount` from available to held, promotions first. Repeating the same hold does nothing.

    Raises InsufficientCredit, NoBillingAccount, ReferenceReused (same allocation, other amount).
    """
    if command.amount < 0:
        raise ValueError("a hold is not negative")
    currency = await balances.lock(ctx, command.tenant_id)
    reference = f"hold:{command.allocation_id}"
    before = await ledger.find_by_reference(ctx.session, reference)
    if before is not None:
        if (before.tenant_id, before.held_change) != (command.tenant_id, command.amount):
            raise ReferenceReused()
        return
    funds = await balances.get_funds(ctx, command.tenant_id)
    debit = holds.split(command.amount, funds.promotions, funds.credit, Micro(0))
    if funds.available < command.amount or (funds.debt and funds.available <= 0):
        raise InsufficientCredit(funds.available, command.amount, currency)
    now = await ctx.now()
    await metering.add_metered(ctx.session, command, currency, now)
    if command.amount:
        await ledger.post(
            ctx.session,
            Posting(
                kind="hold",
                reference=reference,
                cause_id=command.allocation_id,
                tenant_id=command.tenant_id,
                project_id=command.project_id,
                currency=currency,
                occurred_at=now,
                correlation_id=ctx.trace.correlation_id,
                legs=(
                    Leg("customer_promotions", Micro(-debit.promotions)),
                    Leg("customer_credit", Micro(-debit.credit)),
                    Leg("customer_held", command.amount, command.allocation_id),
                ),
            ),
        )
    await balances.tell(ctx, command.tenant_id, "hold")


async def release_hold(ctx: Context, allocation_id: UUID) -> None:
    """Give back the hold of an allocation that never became active: it costs nothing. Safe to repeat.

    Raises StillMetered when it is being metered: then `stop_metering` is the way.
    """
    metered = await metering.find_metered(ctx.session, allocation_id)
    if metered is None:
        return
    await balances.lock(ctx, metered.tenant_id)
    metered = await metering.find_metered(ctx.session, allocation_id)
    if metered is None or metered.ended_at is not None:
        return
    if metered.metered_from is not None:
        raise StillMetered()
    await close(ctx, [metered])
    await balances.tell(ctx, metered.tenant_id, "hold_released")


async def close(ctx: Context, ending: Sequence[Metered]) -> None:
    """End the accounts of these allocations and give the rest of each hold back to where it came from, under the
    tenant's lock."""
    now = await ctx.now()
    ids = [metered.allocation_id for metered in ending]
    await metering.end(ctx.session, {metered.allocation_id: metered.ended_at or now for metered in ending})
    held = await ledger.holds_of(ctx.session, ids)
    debt = (await balances.get_funds(ctx, ending[0].tenant_id)).debt if ending else Micro(0)
    for metered in ending:
        hold = held[metered.allocation_id]
        if hold.remaining:
            promotions, credit = holds.give_back(hold.remaining, hold.promotions, hold.credit)
            paid = holds.pay_debt(credit, debt)
            debt = Micro(debt - paid.debt)
            await ledger.post(ctx.session, _giving_back(ctx, metered, promotions, paid, now))


def _giving_back(ctx: Context, metered: Metered, promotions: Micro, paid: holds.Paid, now: datetime) -> Posting:
    return Posting(
        kind="hold_released",
        reference=f"release:{metered.allocation_id}",
        cause_id=metered.allocation_id,
        tenant_id=metered.tenant_id,
        project_id=metered.project_id,
        currency=metered.currency,
        occurred_at=now,
        correlation_id=ctx.trace.correlation_id,
        legs=(
            Leg("customer_held", Micro(-promotions - paid.debt - paid.credit), metered.allocation_id),
            Leg("customer_promotions", promotions),
            Leg("customer_debt", paid.debt),
            Leg("customer_credit", paid.credit),
        ),
    )
