"""The Connect tab of a machine: terminal, `berth ssh`, ssh_config, own keys."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.provisioning.contracts import AttachKey, DetachKey
from app.domains.provisioning.handlers.options import ALLOCATION_READ, TERMINAL_OPEN
from app.domains.provisioning.schemas.connect import AttachForm, ConnectPage
from app.domains.provisioning.service import access
from app.web import Ctx, Form, fragment, page, redirect

TEMPLATE = "provisioning/connect.html"


@get("/machines/{allocation_id:uuid}/connect", opt=ALLOCATION_READ)
async def connect_tab(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """Every way to the machine."""
    return await page(ctx, TEMPLATE, ConnectPage.of(await access.connection(ctx, allocation_id)))


@get("/machines/{allocation_id:uuid}/connect/now", opt=ALLOCATION_READ)
async def connect_now(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """The part that moves."""
    return await fragment(ctx, TEMPLATE, "now", ConnectPage.of(await access.connection(ctx, allocation_id)))


@post("/machines/{allocation_id:uuid}/keys", opt=TERMINAL_OPEN)
async def attach(ctx: Ctx, allocation_id: FromPath[UUID], data: Form[AttachForm]) -> Response[str]:
    """Attach one of one's keys."""
    command = AttachKey(allocation_id=allocation_id, key_id=data.key_id)
    await access.attach_key(ctx, command)
    return redirect(ctx, f"/machines/{allocation_id}/connect")


@post("/machines/{allocation_id:uuid}/keys/{key_id:uuid}/detach", opt=TERMINAL_OPEN)
async def detach(ctx: Ctx, allocation_id: FromPath[UUID], key_id: FromPath[UUID]) -> Response[str]:
    """Take a key off."""
    command = DetachKey(allocation_id=allocation_id, key_id=key_id)
    await access.detach_key(ctx, command)
    return redirect(ctx, f"/machines/{allocation_id}/connect")


ROUTES = [connect_tab, connect_now, attach, detach]
