"""Posts a change of credit exactly once per reference: the step that credit, refunds and adjustments share."""

from uuid import UUID

import msgspec

from app.domains.billing.contracts import TransactionId
from app.domains.billing.errors import ReferenceReused, WrongCurrency
from app.domains.billing.repository.ledger import LedgerRepository, Leg, Posting
from app.domains.billing.service import balances, changes
from app.shared.context import Context
from app.shared.money import MAX_MICRO, Micro


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction before its legs are known. `amount` is positive or negative, as the command that asks for it."""

    kind: str
    reference: str
    cause_id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str


async def find_posted(ctx: Context, draft: Draft) -> TransactionId | None:
    """Take the tenant's lock and check the draft. Returns the transaction when the draft was posted before.

    Raises NoBillingAccount, WrongCurrency, ReferenceReused (same reference, but another tenant, kind or amount) and
    ValueError for an amount of zero or beyond the largest.
    """
    if not 0 < abs(draft.amount) <= MAX_MICRO:
        raise ValueError("nothing to post")
    if await balances.lock(ctx, draft.tenant_id) != draft.currency:
        raise WrongCurrency()
    posted = await LedgerRepository(ctx.session).find_by_reference(draft.reference)
    if posted is None:
        return None
    if (posted.kind, posted.tenant_id, abs(posted.funds_change)) != (draft.kind, draft.tenant_id, abs(draft.amount)):
        raise ReferenceReused()
    return TransactionId(posted.id)


async def post(ctx: Context, draft: Draft, *legs: Leg) -> TransactionId:
    """Write the draft with these legs and publish the change. Raises ReferenceReused when another tenant posted the
    same reference at this very moment."""
    posting = Posting(
        kind=draft.kind,
        reference=draft.reference,
        cause_id=draft.cause_id,
        tenant_id=draft.tenant_id,
        project_id=None,
        currency=draft.currency,
        occurred_at=await ctx.now(),
        correlation_id=ctx.trace.correlation_id,
        legs=legs,
    )
    transaction_id = await LedgerRepository(ctx.session).append(posting)
    if transaction_id is None:
        raise ReferenceReused()
    await changes.publish(ctx, draft.tenant_id, draft.kind)
    return TransactionId(transaction_id)
