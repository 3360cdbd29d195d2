"""API of customers."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_CUSTOMER_MANAGE, PLATFORM_CUSTOMER_READ
from app.domains.admin.schemas.customers import CustomersAnswer, SuspensionForm
from app.domains.admin.service import customers
from app.domains.admin.service.customers import CustomerOverview, PersonOverview
from app.domains.auth import public as auth
from app.domains.auth.contracts.customers import CustomerSearch, Suspended
from app.web import Ctx, Json
from app.web.approvals import ASKED, outcome_answer
from app.web.etag import tagged
from app.web.paging import Cursor, Limit

Search = Annotated[str, QueryParameter(name="q", max_length=100, description="part of a name or address, or an id")]
Flag = Annotated[bool | None, QueryParameter(description="only suspended organisations, or only the others")]


@get("/admin/customers", opt=PLATFORM_CUSTOMER_READ)
async def list_customers(
    ctx: Ctx, search: Search = "", suspended: Flag = None, cursor: Cursor = None, limit: Limit = 50
) -> CustomersAnswer:
    """List organisations, newest first."""
    result = await customers.page_customers(ctx, CustomerSearch(text=search, suspended=suspended), cursor, limit)
    return CustomersAnswer(items=result.items, next_cursor=result.next_cursor)


@get("/admin/customers/{tenant_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_customer(ctx: Ctx, tenant_id: FromPath[UUID]) -> Response[CustomerOverview]:
    """Get an organisation with its members, projects, balance and last actions."""
    result = await customers.show_customer(ctx, tenant_id)
    return tagged(result, result.customer.tenant.version)


@post("/admin/customers/{tenant_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200)
async def suspend(ctx: Ctx, tenant_id: FromPath[UUID], data: Json[SuspensionForm]) -> Suspended:
    """Suspend an organisation: its sessions and tokens end. Active machines keep running and are billed."""
    return await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=True))


@post("/admin/customers/{tenant_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200)
async def resume(ctx: Ctx, tenant_id: FromPath[UUID], data: Json[SuspensionForm]) -> Suspended:
    """Lift the suspension of an organisation."""
    return await auth.suspend_tenant(ctx, data.tenant(tenant_id, suspend=False))


@get("/admin/people/{user_id:uuid}", opt=PLATFORM_CUSTOMER_READ)
async def show_person(ctx: Ctx, user_id: FromPath[UUID]) -> PersonOverview:
    """Get a person with their organisations and last actions."""
    return await customers.show_person(ctx, user_id)


@post("/admin/people/{user_id:uuid}/suspend", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200, responses=ASKED)
async def suspend_person(ctx: Ctx, user_id: FromPath[UUID], data: Json[SuspensionForm]) -> Response[Suspended]:
    """Suspend a person in all organisations. For an operator, a second person has to approve (202)."""
    return outcome_answer(await auth.suspend_person(ctx, data.person(user_id, suspend=True)))


@post("/admin/people/{user_id:uuid}/resume", opt=PLATFORM_CUSTOMER_MANAGE, status_code=200, responses=ASKED)
async def resume_person(ctx: Ctx, user_id: FromPath[UUID], data: Json[SuspensionForm]) -> Response[Suspended]:
    """Lift the suspension of a person. For an operator, a second person has to approve (202)."""
    return outcome_answer(await auth.suspend_person(ctx, data.person(user_id, suspend=False)))


ROUTES = [list_customers, show_customer, suspend, resume, show_person, suspend_person, resume_person]
