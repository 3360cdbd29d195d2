"""What a person has to decide about money: opened by what does not add up, shown with its age, closed in words."""

from uuid import UUID

import structlog

from app.domains.payments.contracts import Case, DecideCase
from app.domains.payments.repository import Payment, outside
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.paging import Slice, cut
from app.shared.text import checked_text
from app.shared.use_case import use_case

log = structlog.get_logger("berth.payments")
READ, MANAGE = Permission.PLATFORM_MONEY_READ, Permission.PLATFORM_MONEY_MANAGE
LONGEST = 500


async def open_case(
    ctx: Context, kind: str, subject: str, summary: str, payment: Payment | None = None, amount: int | None = None
) -> None:
    """Put something before the operators; told again it changes nothing."""
    about: dict[str, object] = {}
    if payment is not None:
        about = {"payment_id": payment.id, "tenant_id": payment.tenant_id, "currency": payment.currency}
        about["amount"] = payment.amount if amount is None else amount
    if await outside.open_case(ctx.session, outside.new_case(kind, subject, summary, await ctx.now(), **about)):
        log.error("money needs a decision", kind=kind, subject=subject[:80])


async def page_cases(ctx: Context, only_open: bool, cursor: UUID | None, limit: int) -> Slice[Case, UUID]:
    """Cases, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await outside.page_cases(ctx.session, scope, only_open, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def count_open(ctx: Context) -> int:
    """How many wait for somebody."""
    return await outside.count_open(ctx.session, platform_scope(ctx.actor, READ))


@use_case(MANAGE, AuditAction.PAYMENT_CASE_DECIDE, lambda command, _result: command.case_id)
async def decide_case(ctx: Context, command: DecideCase) -> Case:
    """Close it with words; deciding again changes nothing. Raises NotFound, ValidationFailed without words."""
    said = checked_text(command.reason, max_length=LONGEST, wanted=f"Say what was done, in 3 to {LONGEST} characters.")
    scope = platform_scope(ctx.actor, MANAGE)
    case = await outside.lock_case(ctx.session, scope, command.case_id)
    if case is None:
        raise NotFound()
    ctx.about(case.tenant_id)
    ctx.explain(kind=case.kind, subject=case.subject, reason=said)
    ctx.changed(decided=(case.decided_at is not None, True))
    if case.decided_at is None:
        await outside.decide_case(ctx.session, case.id, ctx.actor.id, said, await ctx.now())
    return await outside.lock_case(ctx.session, scope, case.id) or case
