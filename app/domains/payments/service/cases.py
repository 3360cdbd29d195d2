"""Cases: opened by what does not add up, shown with their age, closed by an operator's decision."""

from uuid import UUID

import structlog

from app.domains.payments.contracts import Case, DecideCase
from app.domains.payments.repository.cases import CaseRepository
from app.domains.payments.repository.payments import Payment
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import new_id
from app.shared.money import Micro
from app.shared.paging import Slice, cut
from app.shared.text import checked_text
from app.shared.use_case import use_case

log = structlog.get_logger("berth.payments")
READ, MANAGE = Permission.PLATFORM_MONEY_READ, Permission.PLATFORM_MONEY_MANAGE
MAX_LENGTH = 500


async def open_case(
    ctx: Context, kind: str, subject: str, summary: str, payment: Payment | None = None, amount: Micro | None = None
) -> None:
    """Open a case, once per kind and subject. The subject identifies it and is never cut."""
    case = Case(
        id=new_id(),
        kind=kind,
        subject=subject,
        summary=summary[:MAX_LENGTH],
        payment_id=payment.id if payment else None,
        tenant_id=payment.tenant_id if payment else None,
        amount=payment.amount if payment and amount is None else amount,
        currency=payment.currency if payment else None,
        opened_at=await ctx.now(),
    )
    if await CaseRepository(ctx.session).append(case):
        log.error("money needs a decision", kind=kind, subject=subject[:80])


async def page_cases(ctx: Context, only_open: bool, cursor: UUID | None, limit: int) -> Slice[Case, UUID]:
    """Cases, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await CaseRepository(ctx.session).page(scope, only_open, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


@use_case(MANAGE, AuditAction.PAYMENT_CASE_DECIDE, lambda command, _result: command.case_id)
async def decide_case(ctx: Context, command: DecideCase) -> Case:
    """Close a case with a decision. Deciding again changes nothing. Raises NotFound, ValidationFailed."""
    decision = checked_text(
        command.reason, max_length=MAX_LENGTH, wanted=f"Say what was done, in 3 to {MAX_LENGTH} characters."
    )
    scope, cases = platform_scope(ctx.actor, MANAGE), CaseRepository(ctx.session)
    case = await cases.lock(scope, command.case_id)
    if case is None:
        raise NotFound()
    ctx.about(case.tenant_id)
    ctx.explain(kind=case.kind, subject=case.subject, reason=decision)
    ctx.changed(decided=(case.decided_at is not None, True))
    if case.decided_at is None:
        await cases.decide(case.id, ctx.actor.id, decision, await ctx.now())
    return await cases.lock(scope, case.id) or case
