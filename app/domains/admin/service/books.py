"""Corrections of credit by the rule of two, the books as a whole, and the proof of them."""

from uuid import UUID

import msgspec

from app.domains.admin.contracts.money import (
    AdjustmentView,
    CheckLedger,
    CheckStarted,
    DecideAdjustment,
    LedgerReport,
    Replayed,
    ReplayWebhook,
    RequestAdjustment,
    ValueAct,
)
from app.domains.admin.errors import AlreadyDecided
from app.domains.admin.policies import CORRECTION_MAXIMUM
from app.domains.admin.repository import money
from app.domains.admin.repository.money import Decided
from app.domains.admin.rules.reasons import stated
from app.domains.admin.service import alone
from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.billing.contracts import PostAdjustment
from app.domains.payments import public as payments
from app.shared import formats
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, platform_scope
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.errors.faults import Faults, named
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_MONEY_READ, Permission.PLATFORM_MONEY_MANAGE
CHECK = "admin.check_ledger"


@use_case(MANAGE, AuditAction.CREDIT_ADJUST, lambda command, _result: command.tenant_id)
async def request_adjustment(ctx: Context, command: RequestAdjustment) -> AdjustmentView:
    """Ask for a correction, and post it at once when one person is enough. Raises ValidationFailed, BalanceTooLarge,
    InsufficientCredit."""
    scope = platform_scope(ctx.actor, MANAGE)
    if ctx.actor.id is None or ctx.actor.kind is not ActorKind.USER:
        raise Forbidden()
    currency = "USD"  # while nobody knows whose
    with Faults() as faults:
        with faults.gathered():
            reason = stated(command.reason)
        with faults.gathered(), named("tenant_id", "There is no such organisation."):
            tenant = await auth.tenant(ctx, command.tenant_id)
            currency = tenant.currency
        with faults.gathered():
            await _check_amount(ctx, command, currency)
    await billing.open_accounts(ctx, tenant.id, tenant.currency)
    wanted = AdjustmentView(
        id=new_id(),
        tenant_id=tenant.id,
        amount=command.amount,
        currency=tenant.currency,
        reason=reason,
        requested_by=ctx.actor.id,
        status="requested",
        created_at=await ctx.now(),
        decided_at=None,
    )
    act = ValueAct(
        kind="adjustment", subject_id=wanted.id, tenant_id=tenant.id, amount=wanted.amount,
        requested_by=wanted.requested_by,
    )  # fmt: skip
    enough = await alone.claim(ctx, act)
    await money.add_adjustment(ctx.session, wanted)
    ctx.about(tenant.id)
    ctx.explain(reason=reason, amount=command.amount, adjustment_id=str(wanted.id))
    if enough:
        await _decide(ctx, wanted, "alone", ctx.actor.id, reason)
    return await money.lock_adjustment(ctx.session, scope, wanted.id) or wanted


async def _check_amount(ctx: Context, command: RequestAdjustment, currency: str) -> None:
    """Raises ValidationFailed for what is beyond the policy of that organisation, or no whole cents."""
    most = Micro(await ctx.policy(CORRECTION_MAXIMUM, command.tenant_id))
    if not 0 < abs(command.amount) <= most or command.amount % MICRO_PER_CENT:
        said = f"Write whole cents that are not zero, at most {formats.money(most, currency)} either way."
        raise ValidationFailed(fields={"amount": said})


@use_case(MANAGE, AuditAction.CREDIT_ADJUST_APPROVE, lambda command, _result: command.adjustment_id)
async def approve_adjustment(ctx: Context, command: DecideAdjustment) -> AdjustmentView:
    """Post it. Raises NotFound, SecondPersonNeeded, AlreadyDecided, InsufficientCredit."""
    return await _decided_by_second(ctx, command, "approved")


@use_case(MANAGE, AuditAction.CREDIT_ADJUST_REJECT, lambda command, _result: command.adjustment_id)
async def reject_adjustment(ctx: Context, command: DecideAdjustment) -> AdjustmentView:
    """Leave the credit as it is. Raises NotFound, SecondPersonNeeded, AlreadyDecided, ValidationFailed."""
    stated(command.reason)
    return await _decided_by_second(ctx, command, "rejected")


async def _decided_by_second(ctx: Context, command: DecideAdjustment, decision: str) -> AdjustmentView:
    scope = platform_scope(ctx.actor, MANAGE)
    wanted = await money.lock_adjustment(ctx.session, scope, command.adjustment_id)
    if wanted is None:
        raise NotFound()
    ctx.about(wanted.tenant_id)
    decider = await alone.second(ctx, wanted.requested_by)
    if wanted.status != "requested":
        raise AlreadyDecided()
    ctx.explain(reason=command.reason, amount=wanted.amount)
    ctx.changed(status=(wanted.status, decision))
    await _decide(ctx, wanted, decision, decider, command.reason)
    await alone.decided(ctx, wanted.id, decision)
    return await money.lock_adjustment(ctx.session, scope, wanted.id) or wanted


async def _decide(ctx: Context, wanted: AdjustmentView, decision: str, by: UUID, reason: str) -> None:
    now = await ctx.now()
    status = "rejected" if decision == "rejected" else "approved"
    if status == "approved":
        await billing.post_adjustment(
            ctx,
            PostAdjustment(
                tenant_id=wanted.tenant_id, adjustment_id=wanted.id, amount=wanted.amount, currency=wanted.currency
            ),
        )
    await money.decide_adjustment(ctx.session, wanted.id, status, now)
    decided = Decided(
        subject_kind="adjustment",
        subject_id=wanted.id,
        tenant_id=wanted.tenant_id,
        amount=wanted.amount,
        currency=wanted.currency,
        requested_by=wanted.requested_by,
        decision=decision,
        decided_by=by,
        reason=reason,
        decided_at=now,
    )
    await money.append_approval(ctx.session, decided)


async def page_adjustments(
    ctx: Context, tenant_id: UUID | None, cursor: UUID | None, limit: int
) -> Slice[AdjustmentView, UUID]:
    """Corrections, newest first."""
    rows = await money.page_adjustments(ctx.session, platform_scope(ctx.actor, READ), tenant_id, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


@use_case(MANAGE, AuditAction.WEBHOOK_REPLAY, lambda command, _result: command.message_id, kind="webhook")
async def replay_webhook(ctx: Context, command: ReplayWebhook) -> Replayed:
    """Work a webhook of Stripe's off once more. Raises NotFound."""
    await payments.replay_message(ctx, command.message_id)
    return Replayed(message_id=command.message_id)


async def ledger_report(ctx: Context) -> LedgerReport:
    """What all accounts hold together, and the last verification."""
    scope = platform_scope(ctx.actor, READ)
    balances = await billing.house_balances(ctx)
    return LedgerReport(balances=tuple(balances), last=await money.find_last_check(ctx.session, scope))


@use_case(READ, AuditAction.LEDGER_VERIFY, lambda _, result: result and result.check_id)
async def start_check(ctx: Context, command: CheckLedger) -> CheckStarted:
    """Have the ledger recomputed by a worker; while one runs, that one is the answer."""
    last = await money.find_last_check(ctx.session, platform_scope(ctx.actor, READ))
    now = await ctx.now()
    if last is not None and last.finished_at is None and (now - last.requested_at).total_seconds() < 600:
        return CheckStarted(check_id=last.id)
    started = CheckStarted(check_id=new_id())
    await money.add_check(ctx.session, started.check_id, ctx.actor.id, now)
    await ctx.enqueue(CHECK, started, aggregate_id=started.check_id)
    return started


async def run_check(runtime: Runtime, check_id: UUID) -> None:
    """The verification itself, in a transaction that only reads, then its result in another one."""
    async with runtime.context(SYSTEM) as ctx:
        report = await billing.verify_ledger(ctx)
    shortened = msgspec.structs.replace(report, findings=report.findings[:100])
    async with runtime.context(SYSTEM) as ctx:
        await money.finish_check(ctx.session, check_id, report.ok, msgspec.json.encode(shortened), await ctx.now())
