"""Launch, machines, one machine, its receipt."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.provisioning.handlers.options import (
    ALLOCATION_LAUNCH,
    ALLOCATION_LAUNCH_PREVIEW,
    ALLOCATION_READ,
    ALLOCATION_RELEASE,
)
from app.domains.provisioning.schemas import MachinePage, MachinesPage, ReceiptPage, ReleaseForm
from app.domains.provisioning.schemas.launch import LaunchForm, LaunchPage
from app.domains.provisioning.service import launch, release, views
from app.domains.provisioning.service.release import CancelAllocation, ReleaseAllocation
from app.shared.context import Context
from app.web import Ctx, Form, fragment, page, redirect
from app.web.query import OptionalId, Text

Part = Annotated[Literal["whole", "gpus"], QueryParameter()]
Keys = Annotated[list[str] | None, QueryParameter(max_items=200)]
Count = Annotated[int, QueryParameter(ge=0, le=64)]


DETAIL = "provisioning/machine.html"


async def _launch_page(ctx: Context, form: LaunchForm) -> LaunchPage:
    return LaunchPage.of(await views.launch_choices(ctx, form.command()))


@get("/launch", opt=ALLOCATION_LAUNCH)
async def launch_form(
    ctx: Ctx,
    sku: Text = "",
    image: Text = "",
    part: Part = "whole",
    gpus: Count = 1,
    name: Text = "",
    suggested: Text = "",
    keys: Keys = None,
) -> Response[str]:
    """The form, with what the choice in the address means."""
    form = LaunchForm(sku=sku, image=image, part=part, gpus=gpus, name=name, suggested=suggested, keys=keys or [])
    return await page(ctx, "provisioning/launch.html", await _launch_page(ctx, form))


@get("/launch/summary", opt=ALLOCATION_LAUNCH)
async def launch_summary(
    ctx: Ctx,
    sku: Text = "",
    image: Text = "",
    part: Part = "whole",
    gpus: Count = 1,
    name: Text = "",
    suggested: Text = "",
    keys: Keys = None,
) -> Response[str]:
    """The same after a change of the choice."""
    form = LaunchForm(sku=sku, image=image, part=part, gpus=gpus, name=name, suggested=suggested, keys=keys or [])
    answer = await fragment(ctx, "provisioning/launch.html", "order", await _launch_page(ctx, form))
    answer.headers["hx-replace-url"] = form.address()
    return answer


@post("/launch/preview", opt=ALLOCATION_LAUNCH_PREVIEW)
async def launch_preview(ctx: Ctx, data: Form[LaunchForm]) -> Response[str]:
    """Without scripts: the form again, with the choice in its address."""
    return redirect(ctx, data.address())


@post("/launch", opt=ALLOCATION_LAUNCH)
async def launch_machine(ctx: Ctx, data: Form[LaunchForm]) -> Response[str]:
    """Launch, then to the machine's page."""
    launched = await launch.launch(ctx, data.command())
    return redirect(ctx, f"/machines/{launched.allocation_id}")


@get("/machines", opt=ALLOCATION_READ, name="provisioning:machines")
async def machines(ctx: Ctx, cursor: OptionalId = None, live: Text = "") -> Response[str]:
    """The project's machines."""
    rows = await views.page_machines(ctx, cursor, views.PAGE + 1, live=bool(live))
    struct = MachinesPage.of(rows, views.PAGE, live=bool(live), is_first=cursor is None)
    return await page(ctx, "provisioning/machines.html", struct)


@get("/machines/now", opt=ALLOCATION_READ)
async def machines_now(ctx: Ctx, cursor: OptionalId = None, live: Text = "") -> Response[str]:
    """The list alone."""
    rows = await views.page_machines(ctx, cursor, views.PAGE + 1, live=bool(live))
    struct = MachinesPage.of(rows, views.PAGE, live=bool(live), is_first=cursor is None)
    return await fragment(ctx, "provisioning/machines.html", "now", struct)


@get("/machines/{allocation_id:uuid}", opt=ALLOCATION_READ, name="provisioning:machine")
async def machine(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """One machine."""
    return await page(ctx, DETAIL, MachinePage.of(await views.get_detail(ctx, allocation_id)))


@get("/machines/{allocation_id:uuid}/now", opt=ALLOCATION_READ)
async def machine_now(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """The part of a machine's page that moves."""
    return await fragment(ctx, DETAIL, "now", MachinePage.of(await views.get_detail(ctx, allocation_id)))


@post("/machines/{allocation_id:uuid}/release", opt=ALLOCATION_RELEASE)
async def release_machine(ctx: Ctx, allocation_id: FromPath[UUID], data: Form[ReleaseForm]) -> Response[str]:
    """Release it."""
    command = ReleaseAllocation(allocation_id=allocation_id, confirm_name=data.confirm_name)
    await release.release(ctx, command)
    return redirect(ctx, f"/machines/{allocation_id}")


@post("/machines/{allocation_id:uuid}/cancel", opt=ALLOCATION_RELEASE)
async def cancel_launch(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """Cancel the launch."""
    await release.cancel(ctx, CancelAllocation(allocation_id=allocation_id))
    return redirect(ctx, f"/machines/{allocation_id}")


@get("/machines/{allocation_id:uuid}/receipt", opt=ALLOCATION_READ)
async def receipt(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """What it cost and why."""
    allocation, found = await views.get_receipt(ctx, allocation_id)
    struct = ReceiptPage(allocation=allocation, receipt=found, lines=found.lines)
    return await page(ctx, "provisioning/receipt.html", struct)


ROUTES = [
    launch_form, launch_summary, launch_preview, launch_machine, machines, machines_now,
    machine, machine_now, release_machine, cancel_launch, receipt,
]  # fmt: skip
