"""Machines for programs."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from app.domains.provisioning.handlers.options import ALLOCATION_LAUNCH, ALLOCATION_READ, ALLOCATION_RELEASE
from app.domains.provisioning.schemas import AllocationAnswer, AllocationsAnswer, ReceiptAnswer
from app.domains.provisioning.schemas.launch import LaunchBody
from app.domains.provisioning.service import forecast, launch, release, views
from app.domains.provisioning.service.forecast import Forecast
from app.domains.provisioning.service.launch import Launched
from app.domains.provisioning.service.release import CancelAllocation, Changed, ReleaseAllocation
from app.shared.idempotency import dry_run
from app.web import Ctx, Json
from app.web.kept import kept
from app.web.paging import Cursor

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Live = Annotated[bool, QueryParameter(description="only those that have not ended")]
FORECAST = {200: ResponseSpec(Forecast, generate_examples=False, description="What it would mean; nothing was rented")}


@post("/allocations", opt=ALLOCATION_LAUNCH, responses=FORECAST)
async def launch_allocation(ctx: Ctx, data: Json[LaunchBody]) -> Response[Launched]:
    """Rent a machine (201), or with `dry_run` only say what it would mean (200)."""
    command = data.command()
    if command.dry_run:
        return Response(await dry_run(ctx, forecast.forecast, command), status_code=200)  # type: ignore[arg-type]
    return Response(await launch.launch(ctx, command), status_code=201)


@get("/allocations", opt=ALLOCATION_READ | kept("provisioning:{tenant}", "billing:{tenant}", runs=True))
async def list_allocations(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50, live: Live = False) -> AllocationsAnswer:
    """The project's machines, newest first."""
    return AllocationsAnswer.of(await views.page_machines(ctx, cursor, limit + 1, live=live), limit)


@get("/allocations/{allocation_id:uuid}", opt=ALLOCATION_READ)
async def get_allocation(ctx: Ctx, allocation_id: FromPath[UUID]) -> AllocationAnswer:
    """One machine with its steps."""
    detail = await views.get_detail(ctx, allocation_id)
    return AllocationAnswer.of(detail.machine, detail.steps)


@post("/allocations/{allocation_id:uuid}/release", opt=ALLOCATION_RELEASE, status_code=200)
async def release_allocation(ctx: Ctx, allocation_id: FromPath[UUID]) -> Changed:
    """Give the machine back: everything on it is lost, billing ends now."""
    return await release.release(ctx, ReleaseAllocation(allocation_id=allocation_id))


@post("/allocations/{allocation_id:uuid}/cancel", opt=ALLOCATION_RELEASE, status_code=200)
async def cancel_allocation(ctx: Ctx, allocation_id: FromPath[UUID]) -> Changed:
    """Cancel a launch before it is active: nothing is charged."""
    return await release.cancel(ctx, CancelAllocation(allocation_id=allocation_id))


@get("/allocations/{allocation_id:uuid}/receipt", opt=ALLOCATION_READ)
async def get_receipt(ctx: Ctx, allocation_id: FromPath[UUID]) -> ReceiptAnswer:
    """What the machine cost, hour by hour."""
    _, receipt = await views.get_receipt(ctx, allocation_id)
    return ReceiptAnswer.of(receipt)


ROUTES = [launch_allocation, list_allocations, get_allocation, release_allocation, cancel_allocation, get_receipt]
