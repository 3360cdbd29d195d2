"""Forms, JSON and pages about customers."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.contracts.customers import CustomerOverview, CustomersFound, PersonOverview
from app.domains.auth.contracts.customers import CustomerRow, CustomerSearch, StartView, SuspendPerson, SuspendTenant
from app.shared.errors import ValidationFailed

PATH = "/admin/customers"


class WhyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why; it is kept in the audit log."""

    reason: str = ""

    def tenant(self, tenant_id: UUID, *, suspend: bool) -> SuspendTenant:
        return SuspendTenant(tenant_id=tenant_id, suspend=suspend, reason=self.reason)

    def person(self, user_id: UUID, *, suspend: bool) -> SuspendPerson:
        return SuspendPerson(user_id=user_id, suspend=suspend, reason=self.reason)


class ViewForm(msgspec.Struct, frozen=True, kw_only=True):
    reason: str = ""
    project: str = ""

    def command(self, tenant_id: UUID) -> StartView:
        """Raises ValidationFailed."""
        try:
            project_id = UUID(self.project) if self.project else None
        except ValueError as error:
            raise ValidationFailed(fields={"project": "Choose one of the list."}) from error
        return StartView(tenant_id=tenant_id, reason=self.reason, project_id=project_id)


class CustomersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[CustomerRow, ...]
    next_cursor: UUID | None


class CustomersPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/customers.html gets."""

    found: CustomersFound
    search: str
    suspended_chip: tuple[str, str, bool]
    first_href: str | None
    next_href: str | None


class CustomerPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/customer.html gets."""

    overview: CustomerOverview
    may_manage: bool
    may_view: bool
    minutes: int


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/person.html gets."""

    overview: PersonOverview
    may_manage: bool
    is_self: bool


def search(word: str, suspended: str) -> CustomerSearch:
    """`suspended` non-empty asks for those only."""
    return CustomerSearch(text=word, suspended=True if suspended else None)


def customers_page(found: CustomersFound, word: str, suspended: str, cursor: UUID | None) -> CustomersPage:
    """The list under its search."""
    chip = ("suspended", PATH + _query(q=word, suspended="" if suspended else "1"), bool(suspended))
    ahead = _query(q=word, suspended=suspended, cursor=str(found.next_cursor or ""))
    return CustomersPage(
        found=found,
        search=word,
        suspended_chip=chip,
        first_href=PATH + _query(q=word, suspended=suspended) if cursor else None,
        next_href=PATH + ahead if found.next_cursor else None,
    )


def _query(**values: str) -> str:
    kept = {name: value for name, value in values.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
