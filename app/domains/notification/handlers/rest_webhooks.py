"""API of webhooks."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, QueryParameter

from app.domains.notification.handlers.options import WEBHOOK_MANAGE
from app.domains.notification.rules.values import DeliveryView
from app.domains.notification.schemas.webhooks import (
    DeliveriesAnswer,
    DeliveryAnswer,
    EndpointAnswer,
    EndpointBody,
    EndpointPatch,
    EndpointsAnswer,
    ReplayBody,
)
from app.domains.notification.service import webhooks
from app.domains.notification.service.deliveries import DeliveryRef
from app.domains.notification.service.webhooks import EndpointRef, Replayed
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, Limit

ByState = Annotated[
    Literal["queued", "delivered", "failed"] | None,
    QueryParameter(name="state", description="only deliveries in this state"),
]


@get("/webhooks", opt=WEBHOOK_MANAGE)
async def list_webhooks(ctx: Ctx) -> EndpointsAnswer:
    """List the organisation's webhooks."""
    return EndpointsAnswer.of(await webhooks.list_endpoints(ctx))


@post("/webhooks", opt=WEBHOOK_MANAGE)
async def add_webhook(ctx: Ctx, data: Json[EndpointBody]) -> EndpointAnswer:
    """Add a webhook. Its secret is in the first response only; a repeated request gets `secret_already_shown`."""
    view = await webhooks.add_endpoint(ctx, data.command())
    return EndpointAnswer.with_secret(view, ctx.once_only.get(webhooks.SECRET))


@get("/webhooks/{endpoint_id:uuid}", opt=WEBHOOK_MANAGE)
async def get_webhook(ctx: Ctx, endpoint_id: FromPath[UUID]) -> Response[EndpointAnswer]:
    """Get a webhook."""
    view = await webhooks.get_endpoint(ctx, endpoint_id)
    return tagged(EndpointAnswer.of(view), view.version)


@patch("/webhooks/{endpoint_id:uuid}", opt=WEBHOOK_MANAGE)
async def change_webhook(
    ctx: Ctx, endpoint_id: FromPath[UUID], data: Json[EndpointPatch], if_match: IfMatch = None
) -> Response[EndpointAnswer]:
    """Change a webhook, or switch it off or on."""
    command = data.command(endpoint_id, seen_version(if_match))
    view = await webhooks.change_endpoint(ctx, command)
    return tagged(EndpointAnswer.of(view), view.version)


@delete("/webhooks/{endpoint_id:uuid}", opt=WEBHOOK_MANAGE, status_code=200)
async def remove_webhook(ctx: Ctx, endpoint_id: FromPath[UUID]) -> EndpointAnswer:
    """Remove a webhook."""
    return EndpointAnswer.of(await webhooks.remove_endpoint(ctx, EndpointRef(id=endpoint_id)))


@post("/webhooks/{endpoint_id:uuid}/secret", opt=WEBHOOK_MANAGE)
async def rotate_webhook_secret(ctx: Ctx, endpoint_id: FromPath[UUID]) -> EndpointAnswer:
    """Rotate the secret. The new one is in the first response only; the previous one remains valid for 24 hours."""
    view = await webhooks.rotate_secret(ctx, EndpointRef(id=endpoint_id))
    return EndpointAnswer.with_secret(view, ctx.once_only.get(webhooks.SECRET))


@post("/webhooks/{endpoint_id:uuid}/test", opt=WEBHOOK_MANAGE, status_code=202)
async def test_webhook(ctx: Ctx, endpoint_id: FromPath[UUID]) -> DeliveryView:
    """Send a message of kind `webhook.test`."""
    return await webhooks.send_test(ctx, EndpointRef(id=endpoint_id))


@get("/webhooks/{endpoint_id:uuid}/deliveries", opt=WEBHOOK_MANAGE)
async def list_webhook_deliveries(
    ctx: Ctx, endpoint_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 50, by_state: ByState = None
) -> DeliveriesAnswer:
    """List deliveries, newest first."""
    return DeliveriesAnswer.of(await webhooks.list_deliveries(ctx, endpoint_id, cursor, limit, by_state))


@get("/webhooks/deliveries/{delivery_id:uuid}", opt=WEBHOOK_MANAGE)
async def get_webhook_delivery(ctx: Ctx, delivery_id: FromPath[UUID]) -> DeliveryAnswer:
    """Get a delivery with its attempts and their responses."""
    attempts = await webhooks.list_attempts(ctx, delivery_id)
    return DeliveryAnswer(delivery=await webhooks.get_delivery(ctx, delivery_id), attempts=attempts)


@post("/webhooks/deliveries/{delivery_id:uuid}/replay", opt=WEBHOOK_MANAGE, status_code=202)
async def replay_webhook_delivery(ctx: Ctx, delivery_id: FromPath[UUID]) -> DeliveryView:
    """Send a message again, under its id."""
    return await webhooks.replay(ctx, DeliveryRef(id=delivery_id))


@post("/webhooks/{endpoint_id:uuid}/replay", opt=WEBHOOK_MANAGE, status_code=202)
async def replay_webhook(ctx: Ctx, endpoint_id: FromPath[UUID], data: Json[ReplayBody]) -> Replayed:
    """Send every failed message since an instant again."""
    return await webhooks.replay_failed(ctx, data.command(endpoint_id))


ROUTES = [
    list_webhooks,
    add_webhook,
    get_webhook,
    change_webhook,
    remove_webhook,
    rotate_webhook_secret,
    test_webhook,
    list_webhook_deliveries,
    get_webhook_delivery,
    replay_webhook_delivery,
    replay_webhook,
]
