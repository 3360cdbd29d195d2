"""Forms, JSON and pages of customers."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.service.customers import CustomerOverview, CustomerResults, PersonOverview
from app.domains.auth.contracts.customers import CustomerRow, CustomerSearch, StartView, SuspendPerson, SuspendTenant
from app.domains.payments.contracts import PAYMENT_STATES
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.errors import ValidationFailed

PATH = "/admin/customers"


class SuspensionForm(msgspec.Struct, frozen=True, kw_only=True):
    """The reason is kept in the audit log."""

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
            raise ValidationFailed(fields={"project": "Choose a project from the list."}) from error
        return StartView(tenant_id=tenant_id, reason=self.reason, project_id=project_id)


class CustomersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[CustomerRow, ...]
    next_cursor: UUID | None


class CustomersPage(msgspec.Struct, frozen=True, kw_only=True):
    results: CustomerResults
    search: str
    suspended_chip: tuple[str, str, bool]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(cls, results: CustomerResults, search: str, suspended: str, cursor: UUID | None) -> "CustomersPage":
        after = str(results.next_cursor) if results.next_cursor else ""
        toggled = PATH + _query(q=search, suspended="" if suspended else "1")
        return cls(
            results=results,
            search=search,
            suspended_chip=("Suspended", toggled, bool(suspended)),
            first_href=PATH + _query(q=search, suspended=suspended) if cursor else None,
            next_href=PATH + _query(q=search, suspended=suspended, cursor=after) if after else None,
        )


class CustomerPage(msgspec.Struct, frozen=True, kw_only=True):
    """`minutes`: how long a view of the organisation's pages lasts."""

    overview: CustomerOverview
    payment_states: dict[str, tuple[str, str]]
    may_manage: bool
    may_view: bool
    minutes: int

    @classmethod
    def of(cls, overview: CustomerOverview, actor: Actor, minutes: int) -> "CustomerPage":
        return cls(
            overview=overview,
            payment_states=PAYMENT_STATES,
            may_manage=may(actor, Permission.PLATFORM_CUSTOMER_MANAGE),
            may_view=may(actor, Permission.PLATFORM_VIEW_AS),
            minutes=minutes,
        )


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    overview: PersonOverview
    may_manage: bool
    is_self: bool

    @classmethod
    def of(cls, overview: PersonOverview, actor: Actor) -> "PersonPage":
        return cls(
            overview=overview,
            may_manage=may(actor, Permission.PLATFORM_CUSTOMER_MANAGE),
            is_self=overview.person.id == actor.id,
        )


def customer_search(text: str, suspended: str) -> CustomerSearch:
    """A non-empty `suspended` asks for suspended organisations only."""
    return CustomerSearch(text=text, suspended=True if suspended else None)


def _query(**values: str) -> str:
    filled = {name: value for name, value in values.items() if value}
    return f"?{urlencode(filled)}" if filled else ""
