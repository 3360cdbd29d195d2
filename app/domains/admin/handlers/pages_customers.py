"""Pages of customers: search, one organisation, one person, suspension, and the start of a view."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_CUSTOMER_MANAGE, PLATFORM_CUSTOMER_READ, PLATFORM_VIEW_AS_MOVES
from app.domains.admin.schemas.customers import (
    CustomerPage,
    CustomersPage,
    PersonPage,
    SuspensionForm,
    ViewForm,
    customer_search,
)
from app.domains.admin.service import customers
from app.domains.auth import public as auth
from app.web import Ctx, Form, page, redirect
from app.web.approvals import next_page
from app.web.paging import Cursor
from app.web.query import Flag, Search

PAGE = 50


@get("/admin/customers", opt=PLATFORM_CUSTOMER_READ)
async def list_customers(ctx: Ctx, search: Search = "", suspended: Flag = "", cursor: Cursor = None) -> Response[str]:
    """Organisations and people."""
    results = await customers.page_customers(ctx, customer_search(search, suspended), cursor, PAGE)
    return await page(ctx, "admin/customers.html", CustomersPage.of(results, search, suspended, cursor))


@get("/admin/customers/{tenant_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_customer(ctx: Ctx, tenant_id: FromPath[UUID]) -> Response[str]:
    """An organisation."""
    overview = await customers.show_customer(ctx, tenant_id)
    struct = CustomerPage.of(overview, ctx.actor, await auth.view_as_minutes(ctx))
    return await page(ctx, "admin/customer.html", struct)


@post("/admin/customers/{tenant_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE)
async def suspend(ctx: Ctx, tenant_id: FromPath[UUID], data: Form[SuspensionForm]) -> Response[str]:
    """Suspend an organisation."""
    await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=True))
    return redirect(ctx, f"/admin/customers/{tenant_id}")


@post("/admin/customers/{tenant_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE)
async def resume(ctx: Ctx, tenant_id: FromPath[UUID], data: Form[SuspensionForm]) -> Response[str]:
    """Lift the suspension of an organisation."""
    await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=False))
    return redirect(ctx, f"/admin/customers/{tenant_id}")


@post("/admin/customers/{tenant_id:uuid}/view-as", opt=PLATFORM_VIEW_AS_MOVES)
async def start_view(ctx: Ctx, tenant_id: FromPath[UUID], data: Form[ViewForm]) -> Response[str]:
    """Start a read-only view of the organisation's pages."""
    await auth.start_view(ctx, data.command(tenant_id))
    return redirect(ctx, "/")


@get("/admin/customers/people/{user_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_person(ctx: Ctx, user_id: FromPath[UUID]) -> Response[str]:
    """A person."""
    return await page(ctx, "admin/person.html", PersonPage.of(await customers.show_person(ctx, user_id), ctx.actor))


@post("/admin/customers/people/{user_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE)
async def suspend_person(ctx: Ctx, user_id: FromPath[UUID], data: Form[SuspensionForm]) -> Response[str]:
    """Suspend a person."""
    outcome = await auth.suspend_person(ctx, data.person(user_id, suspend=True))
    return redirect(ctx, next_page(outcome, f"/admin/customers/people/{user_id}"))


@post("/admin/customers/people/{user_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE)
async def resume_person(ctx: Ctx, user_id: FromPath[UUID], data: Form[SuspensionForm]) -> Response[str]:
    """Lift the suspension of a person."""
    outcome = await auth.suspend_person(ctx, data.person(user_id, suspend=False))
    return redirect(ctx, next_page(outcome, f"/admin/customers/people/{user_id}"))


ROUTES = [
    list_customers,
    show_customer,
    suspend,
    resume,
    start_view,
    show_person,
    suspend_person,
    resume_person,
]
