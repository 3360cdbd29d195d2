"""Pages of webhooks: the list, one webhook with its log, one delivery."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.notification.handlers.options import WEBHOOK_MANAGE
from app.domains.notification.rules.values import EndpointView
from app.domains.notification.schemas.webhooks import (
    PAGE,
    DeliveryPage,
    EndpointPage,
    EndpointsPage,
    ReplayForm,
    add_of_form,
    change_of_form,
)
from app.domains.notification.service import webhooks
from app.domains.notification.service.deliveries import DeliveryRef
from app.domains.notification.service.webhooks import ChangeEndpoint, EndpointRef
from app.web import Ctx, Form, fragment, page, redirect
from app.web.paging import Cursor

LIST = "/settings/webhooks"
ONE = "notification/webhook.html"


async def _one(ctx: Ctx, view: EndpointView, cursor: UUID | None = None, *, just_made: bool = False) -> EndpointPage:
    rows = await webhooks.list_deliveries(ctx, view.id, cursor, PAGE, None)
    return EndpointPage.of(view, rows, ctx.once_only.get(webhooks.SECRET), just_made=just_made)


@get(LIST, opt=WEBHOOK_MANAGE)
async def webhooks_page(ctx: Ctx) -> Response[str]:
    """The list of webhooks, and the form for a new one."""
    return await page(ctx, "notification/webhooks.html", EndpointsPage.of(await webhooks.list_endpoints(ctx)))


@post(LIST, opt=WEBHOOK_MANAGE)
async def add_webhook(ctx: Ctx, data: Form[dict[str, str]]) -> Response[str]:
    """Add a webhook; this page alone shows its secret."""
    view = await webhooks.add_endpoint(ctx, add_of_form(data))
    return await page(ctx, ONE, await _one(ctx, view, just_made=True))


@get(LIST + "/{endpoint_id:uuid}", opt=WEBHOOK_MANAGE)
async def webhook_page(ctx: Ctx, endpoint_id: FromPath[UUID], cursor: Cursor = None) -> Response[str]:
    """One webhook and its log."""
    return await page(ctx, ONE, await _one(ctx, await webhooks.get_endpoint(ctx, endpoint_id), cursor))


@get(LIST + "/{endpoint_id:uuid}/log", opt=WEBHOOK_MANAGE)
async def webhook_log(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """The log, for live updates."""
    return await fragment(ctx, ONE, "log", await _one(ctx, await webhooks.get_endpoint(ctx, endpoint_id)))


@post(LIST + "/{endpoint_id:uuid}", opt=WEBHOOK_MANAGE)
async def change_webhook(ctx: Ctx, endpoint_id: FromPath[UUID], data: Form[dict[str, str]]) -> Response[str]:
    """Change URL, description and kinds."""
    await webhooks.change_endpoint(ctx, change_of_form(data, endpoint_id))
    return redirect(ctx, f"{LIST}/{endpoint_id}")


@post(LIST + "/{endpoint_id:uuid}/on", opt=WEBHOOK_MANAGE)
async def switch_on(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """Switch a webhook on."""
    await webhooks.change_endpoint(ctx, ChangeEndpoint(id=endpoint_id, enabled=True))
    return redirect(ctx, f"{LIST}/{endpoint_id}")


@post(LIST + "/{endpoint_id:uuid}/off", opt=WEBHOOK_MANAGE)
async def switch_off(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """Switch a webhook off."""
    await webhooks.change_endpoint(ctx, ChangeEndpoint(id=endpoint_id, enabled=False))
    return redirect(ctx, f"{LIST}/{endpoint_id}")


@post(LIST + "/{endpoint_id:uuid}/secret", opt=WEBHOOK_MANAGE)
async def rotate_secret(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """Rotate the secret; this page alone shows the new one."""
    view = await webhooks.rotate_secret(ctx, EndpointRef(id=endpoint_id))
    return await page(ctx, ONE, await _one(ctx, view, just_made=True))


@post(LIST + "/{endpoint_id:uuid}/test", opt=WEBHOOK_MANAGE)
async def send_test(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """Send a test message and open its delivery."""
    view = await webhooks.send_test(ctx, EndpointRef(id=endpoint_id))
    return redirect(ctx, f"{LIST}/deliveries/{view.id}")


@post(LIST + "/{endpoint_id:uuid}/replay", opt=WEBHOOK_MANAGE)
async def replay_failed(ctx: Ctx, endpoint_id: FromPath[UUID], data: Form[ReplayForm]) -> Response[str]:
    """Send the failed messages of the last hours again."""
    await webhooks.replay_failed(ctx, data.command(endpoint_id, await ctx.now()))
    return redirect(ctx, f"{LIST}/{endpoint_id}")


@post(LIST + "/{endpoint_id:uuid}/remove", opt=WEBHOOK_MANAGE)
async def remove_webhook(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[str]:
    """Remove a webhook."""
    await webhooks.remove_endpoint(ctx, EndpointRef(id=endpoint_id))
    return redirect(ctx, LIST)


async def _delivery(ctx: Ctx, delivery_id: UUID) -> DeliveryPage:
    return DeliveryPage.of(
        await webhooks.get_delivery(ctx, delivery_id), await webhooks.list_attempts(ctx, delivery_id)
    )


@get(LIST + "/deliveries/{delivery_id:uuid}", opt=WEBHOOK_MANAGE)
async def delivery_page(ctx: Ctx, delivery_id: FromPath[UUID]) -> Response[str]:
    """One delivery with its attempts."""
    return await page(ctx, "notification/delivery.html", await _delivery(ctx, delivery_id))


@get(LIST + "/deliveries/{delivery_id:uuid}/now", opt=WEBHOOK_MANAGE)
async def delivery_now(ctx: Ctx, delivery_id: FromPath[UUID]) -> Response[str]:
    """The delivery, for live updates."""
    return await fragment(ctx, "notification/delivery.html", "now", await _delivery(ctx, delivery_id))


@post(LIST + "/deliveries/{delivery_id:uuid}/replay", opt=WEBHOOK_MANAGE)
async def replay(ctx: Ctx, delivery_id: FromPath[UUID]) -> Response[str]:
    """Send a message again."""
    await webhooks.replay(ctx, DeliveryRef(id=delivery_id))
    return redirect(ctx, f"{LIST}/deliveries/{delivery_id}")


ROUTES = [
    webhooks_page,
    add_webhook,
    webhook_page,
    webhook_log,
    change_webhook,
    switch_on,
    switch_off,
    rotate_secret,
    send_test,
    replay_failed,
    remove_webhook,
    delivery_page,
    delivery_now,
    replay,
]
