"""Customers across the domains: members, money, recent actions. Changes to them are use cases of auth."""

from uuid import UUID

import msgspec

from app.domains.admin.repository import audit
from app.domains.admin.rules.values import AuditEntry, AuditFilter
from app.domains.admin.service.audit import names_in
from app.domains.auth import public as auth
from app.domains.auth.contracts.customers import CustomerDetail, CustomerRow, CustomerSearch, PersonDetail, PersonRow
from app.domains.billing import public as billing
from app.domains.billing.contracts import BalanceView
from app.domains.payments import public as payments
from app.domains.payments.contracts import OperatorPayment, PaymentSearch
from app.shared.authz import Permission, platform_scope
from app.shared.authz.scope import may
from app.shared.context import Context

LAST = 10


class CustomerResults(msgspec.Struct, frozen=True, kw_only=True):
    """Organisations and, for a search, people."""

    items: tuple[CustomerRow, ...]
    next_cursor: UUID | None
    people: tuple[PersonRow, ...]


class CustomerOverview(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with its balance, payments and last actions. `balance` is None when the actor may not see it."""

    customer: CustomerDetail
    balance: BalanceView | None
    payments: tuple[OperatorPayment, ...]
    rows: tuple[AuditEntry, ...]
    names: dict[str, str]
    running: int


class PersonOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A person with their last actions."""

    person: PersonDetail
    rows: tuple[AuditEntry, ...]
    names: dict[str, str]


async def page_customers(ctx: Context, wanted: CustomerSearch, cursor: UUID | None, limit: int) -> CustomerResults:
    """Organisations that match, newest first; the first page of a search has people too."""
    result = await auth.page_customers(ctx, wanted, cursor, limit)
    people = await auth.find_people(ctx, wanted.text) if cursor is None else []
    return CustomerResults(items=result.items, next_cursor=result.next_cursor, people=tuple(people))


async def show_customer(ctx: Context, tenant_id: UUID) -> CustomerOverview:
    """All of an organisation that the actor may see. Raises NotFound."""
    customer = await auth.show_customer(ctx, tenant_id)
    balance = await billing.balance(ctx, tenant_id)
    paid: tuple[OperatorPayment, ...] = ()
    if may(ctx.actor, Permission.PLATFORM_MONEY_READ):
        paid = (await payments.page_payments(ctx, PaymentSearch(tenant_id=tenant_id), None, LAST)).items
    rows = await _last_rows(ctx, AuditFilter(tenant_id=tenant_id))
    return CustomerOverview(
        customer=customer,
        balance=balance if may(ctx.actor, Permission.PLATFORM_MONEY_READ) else None,
        payments=paid,
        rows=rows,
        names=await names_in(ctx, rows),
        running=balance.running,
    )


async def show_person(ctx: Context, user_id: UUID) -> PersonOverview:
    """All of a person that the actor may see. Raises NotFound."""
    person = await auth.show_person(ctx, user_id)
    rows = await _last_rows(ctx, AuditFilter(actor_id=user_id))
    return PersonOverview(person=person, rows=rows, names=await names_in(ctx, rows))


async def _last_rows(ctx: Context, wanted: AuditFilter) -> tuple[AuditEntry, ...]:
    if not may(ctx.actor, Permission.PLATFORM_AUDIT_READ):
        return ()
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    return tuple(await audit.page_rows(ctx.session, scope, wanted, None, LAST))
