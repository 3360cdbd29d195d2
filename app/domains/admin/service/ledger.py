"""The ledger as a whole and its verification; a webhook of Stripe processed again."""

from uuid import UUID

import msgspec

from app.domains.admin.repository import money
from app.domains.admin.rules.values import LedgerCheck
from app.domains.billing import public as billing
from app.domains.billing.contracts import HouseBalance
from app.domains.payments import public as payments
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.ids import new_id
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_MONEY_READ, Permission.PLATFORM_MONEY_MANAGE
CHECK = "admin.check_ledger"


class ReplayWebhook(msgspec.Struct, frozen=True, kw_only=True):
    message_id: UUID


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    message_id: UUID


class CheckLedger(msgspec.Struct, frozen=True, kw_only=True):
    """Verify the whole ledger in the background."""


class CheckStarted(msgspec.Struct, frozen=True, kw_only=True):
    check_id: UUID


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of all accounts, and the last verification."""

    balances: tuple[HouseBalance, ...]
    last: LedgerCheck | None


@use_case(MANAGE, AuditAction.WEBHOOK_REPLAY, lambda command, _result: command.message_id, kind="webhook")
async def replay_webhook(ctx: Context, command: ReplayWebhook) -> Replayed:
    """Process a webhook of Stripe again. Raises NotFound."""
    await payments.replay_message(ctx, command.message_id)
    return Replayed(message_id=command.message_id)


async def ledger_report(ctx: Context) -> LedgerReport:
    """The balances of all accounts, and the last verification."""
    scope = platform_scope(ctx.actor, READ)
    balances = await billing.house_balances(ctx)
    return LedgerReport(balances=tuple(balances), last=await money.find_last_check(ctx.session, scope))


@use_case(READ, AuditAction.LEDGER_VERIFY, lambda _, result: result and result.check_id)
async def start_check(ctx: Context, command: CheckLedger) -> CheckStarted:
    """Have a worker verify the ledger. While a verification runs, that one is returned."""
    last = await money.find_last_check(ctx.session, platform_scope(ctx.actor, READ))
    now = await ctx.now()
    if last is not None and last.finished_at is None and (now - last.requested_at).total_seconds() < 600:
        return CheckStarted(check_id=last.id)
    started = CheckStarted(check_id=new_id())
    await money.add_check(ctx.session, started.check_id, ctx.actor.id, now)
    await ctx.enqueue(CHECK, started, aggregate_id=started.check_id)
    return started


async def run_check(runtime: Runtime, check_id: UUID) -> None:
    """Verify the ledger in a read-only transaction, then store the result in another one."""
    async with runtime.context(SYSTEM) as ctx:
        report = await billing.verify_ledger(ctx)
    shortened = msgspec.structs.replace(report, findings=report.findings[:100])
    async with runtime.context(SYSTEM) as ctx:
        await money.finish_check(ctx.session, check_id, report.ok, msgspec.json.encode(shortened), await ctx.now())
