"""Customers as operators see them, across the domains."""

from uuid import UUID

import msgspec

from app.domains.admin.contracts.audit import AuditEntry
from app.domains.auth.contracts.customers import CustomerDetail, CustomerRow, PersonDetail, PersonRow
from app.domains.billing.contracts import BalanceView
from app.domains.payments.contracts import OperatorPayment


class CustomersFound(msgspec.Struct, frozen=True, kw_only=True):
    """Organisations and, for a search, people."""

    items: tuple[CustomerRow, ...]
    next_cursor: UUID | None
    people: tuple[PersonRow, ...]


class CustomerOverview(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with its money, payments and what was done last. Money is None for who may not see it."""

    customer: CustomerDetail
    balance: BalanceView | None
    payments: tuple[OperatorPayment, ...]
    rows: tuple[AuditEntry, ...]
    names: dict[str, str]
    running: int


class PersonOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A person with what they did last."""

    person: PersonDetail
    rows: tuple[AuditEntry, ...]
    names: dict[str, str]
