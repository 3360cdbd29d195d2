"""Customers in the search of the console: by name, mail address or id."""

from collections.abc import Sequence

from app.domains.admin.service.customers import page_customers
from app.domains.auth.contracts.customers import CustomerSearch
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.manifest import Found

MAX_RESULTS = 8


async def search_customers(ctx: Context, text: str) -> Sequence[Found]:
    """Organisations first, then people."""
    if not may(ctx.actor, Permission.PLATFORM_CUSTOMER_READ):
        return ()
    result = await page_customers(ctx, CustomerSearch(text=text), None, MAX_RESULTS)
    icon = "customers"
    organisations = [
        Found(label=row.name, href=f"/admin/customers/{row.id}", icon=icon, kind="Customer") for row in result.items
    ]
    people = [
        Found(label=row.name, href=f"/admin/customers/people/{row.id}", icon=icon, kind="Person", note=row.email)
        for row in result.people
    ]
    return [*organisations, *people]
