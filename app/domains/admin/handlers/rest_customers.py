"""Customers for operators' programs."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.contracts.customers import CustomerOverview, PersonOverview
from app.domains.admin.handlers.options import PLATFORM_CUSTOMER_MANAGE, PLATFORM_CUSTOMER_READ
from app.domains.admin.schemas.customers import CustomersAnswer, WhyForm
from app.domains.admin.service import customers
from app.domains.auth import public as auth
from app.domains.auth.contracts.customers import CustomerSearch, Suspended
from app.web import Ctx, Json
from app.web.approvals import ASKED, outcome_answer
from app.web.etag import tagged
from app.web.paging import Cursor, Limit

Search = Annotated[str, QueryParameter(name="q", max_length=100, description="part of a name or address, or an id")]
Flag = Annotated[bool | None, QueryParameter(description="only those that are, or are not")]


@get("/admin/customers", opt=PLATFORM_CUSTOMER_READ)
async def list_customers(
    ctx: Ctx, word: Search = "", suspended: Flag = None, cursor: Cursor = None, limit: Limit = 50
) -> CustomersAnswer:
    """Organisations, the newest first."""
    found = await customers.page_customers(ctx, CustomerSearch(text=word, suspended=suspended), cursor, limit)
    return CustomersAnswer(items=found.items, next_cursor=found.next_cursor)


@get("/admin/customers/{tenant_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_customer(ctx: Ctx, tenant_id: FromPath[UUID]) -> Response[CustomerOverview]:
    """One organisation with its people, projects, money, and what was done last."""
    found = await customers.show_customer(ctx, tenant_id)
    return tagged(found, found.customer.tenant.version)


@post("/admin/customers/{tenant_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200)
async def suspend(ctx: Ctx, tenant_id: FromPath[UUID], data: Json[WhyForm]) -> Suspended:
    """Close an organisation: its sessions and tokens end. What runs goes on and is billed."""
    return await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=True))


@post("/admin/customers/{tenant_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200)
async def resume(ctx: Ctx, tenant_id: FromPath[UUID], data: Json[WhyForm]) -> Suspended:
    """Open an organisation again."""
    return await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=False))


@get("/admin/people/{user_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_person(ctx: Ctx, user_id: FromPath[UUID]) -> PersonOverview:
    """One person with the organisations that they belong to."""
    return await customers.show_person(ctx, user_id)


@post("/admin/people/{user_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200, responses=ASKED)
async def suspend_person(ctx: Ctx, user_id: FromPath[UUID], data: Json[WhyForm]) -> Response[Suspended]:
    """Shut a person out, everywhere. About an operator a second person decides (202)."""
    return outcome_answer(await auth.suspend_person(ctx, data.person(user_id, suspend=True)))


@post("/admin/people/{user_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200, responses=ASKED)
async def resume_person(ctx: Ctx, user_id: FromPath[UUID], data: Json[WhyForm]) -> Response[Suspended]:
    """Let a person in again. About an operator a second person decides (202)."""
    return outcome_answer(await auth.suspend_person(ctx, data.person(user_id, suspend=False)))


ROUTES = [list_customers, show_customer, suspend, resume, show_person, suspend_person, resume_person]
