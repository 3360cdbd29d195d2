"""Management of webhooks: endpoints, secrets, the delivery log, and replay."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification import policies
from app.domains.notification.errors import DeliveryUnderWay, EndpointDisabled, TooManyEndpoints
from app.domains.notification.models import WebhookEndpoint
from app.domains.notification.repository.deliveries import DeliveryRepository
from app.domains.notification.repository.webhooks import Endpoint, EndpointRepository
from app.domains.notification.rules import addresses, signatures
from app.domains.notification.rules.feed import PREFIX, is_published
from app.domains.notification.rules.values import AttemptView, DeliveryView, EndpointView
from app.domains.notification.service import deliveries
from app.domains.notification.service.deliveries import DeliveryRef
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, TenantScope, tenant_scope
from app.shared.context import Context
from app.shared.crypto import wrap
from app.shared.errors import NotFound, ValidationFailed
from app.shared.events.base import CATALOGUE
from app.shared.ids import new_id
from app.shared.paging import Slice, cut
from app.shared.text import text_fault
from app.shared.use_case import use_case
from app.shared.versions import check_version

MANAGE = Permission.WEBHOOK_MANAGE
KEY_BYTES = 32
OVERLAP = timedelta(hours=24)
REPLAYED_AT_ONCE = 1_000
SECRET = "secret"  # noqa: S105 - the name under which an answer finds it


class AddEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    description: str = ""
    kinds: tuple[str, ...] = ()


class ChangeEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """None leaves a field unchanged. `seen` is the version that the change was made from."""

    id: UUID
    url: str | None = None
    description: str | None = None
    kinds: tuple[str, ...] | None = None
    enabled: bool | None = None
    seen: int | None = None


class EndpointRef(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class ReplayFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Send every failed message of an endpoint since an instant again."""

    id: UUID
    since: datetime


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    count: int


async def list_endpoints(ctx: Context) -> list[EndpointView]:
    """The organisation's endpoints, newest first."""
    return await EndpointRepository(ctx.session).list_all(tenant_scope(ctx.actor, MANAGE))


async def get_endpoint(ctx: Context, endpoint_id: UUID) -> EndpointView:
    """One endpoint of the organisation. Raises NotFound."""
    return (await _find(ctx, endpoint_id)).view


@use_case(MANAGE, AuditAction.WEBHOOK_ADD, lambda _, result: result and result.id)
async def add_endpoint(ctx: Context, command: AddEndpoint) -> EndpointView:
    """Add an endpoint with a new secret, which is in this response only (`ctx.once_only`). Raises ValidationFailed,
    TooManyEndpoints, RightEnded."""
    scope = tenant_scope(ctx.actor, MANAGE)
    await auth.check_person(ctx, MANAGE, scope.tenant_id)
    _check(ctx, command.url, command.description, command.kinds)
    repository = EndpointRepository(ctx.session)
    if await repository.count_locked(scope) >= await ctx.policy(policies.WEBHOOK_ENDPOINTS, scope.tenant_id):
        raise TooManyEndpoints()
    endpoint_id, now = new_id(), await ctx.now()
    await repository.add(
        WebhookEndpoint(
            id=endpoint_id,
            tenant_id=scope.tenant_id,
            url=command.url,
            description=command.description,
            kinds=list(command.kinds),
            wrapped_secret=_new_secret(ctx),
            created_by=ctx.actor.id,
            sponsor_id=ctx.actor.id,
            created_at=now,
            updated_at=now,
        )
    )
    return await get_endpoint(ctx, endpoint_id)


@use_case(MANAGE, AuditAction.WEBHOOK_CHANGE, lambda command, _: command.id)
async def change_endpoint(ctx: Context, command: ChangeEndpoint) -> EndpointView:
    """Change the given fields. Switching on resets the failures and makes the actor the sponsor. Raises NotFound,
    ValidationFailed, PreconditionFailed, RightEnded."""
    old = (await _find(ctx, command.id, lock=True)).view
    check_version(old.version, command.seen)
    await auth.check_person(ctx, MANAGE, _scope(ctx).tenant_id)
    new = msgspec.structs.replace(
        old,
        url=old.url if command.url is None else command.url,
        description=old.description if command.description is None else command.description,
        kinds=old.kinds if command.kinds is None else command.kinds,
        state=old.state if command.enabled is None else ("enabled" if command.enabled else "disabled"),
        sponsor_id=ctx.actor.id if command.enabled else old.sponsor_id,
    )
    _check(ctx, new.url, new.description, new.kinds)
    ctx.changed(
        url=withheld(old.url, new.url),
        description=withheld(old.description, new.description),
        kinds=(old.kinds, new.kinds),
        state=(old.state, new.state),
        sponsor_id=(old.sponsor_id, new.sponsor_id),
    )
    await EndpointRepository(ctx.session).change(new, await ctx.now())
    return await get_endpoint(ctx, command.id)


@use_case(MANAGE, AuditAction.WEBHOOK_ROTATE, lambda command, _: command.id)
async def rotate_secret(ctx: Context, command: EndpointRef) -> EndpointView:
    """Rotate the secret; the new one is in this response only. For 24 hours messages are signed with both. Raises
    NotFound."""
    endpoint, now = await _find(ctx, command.id, lock=True), await ctx.now()
    ctx.changed(secret=withheld())
    await EndpointRepository(ctx.session).rotate(endpoint.view.id, _new_secret(ctx), now + OVERLAP, now)
    return await get_endpoint(ctx, command.id)


@use_case(MANAGE, AuditAction.WEBHOOK_REMOVE, lambda command, _: command.id)
async def remove_endpoint(ctx: Context, command: EndpointRef) -> EndpointView:
    """Remove an endpoint; its queued messages fail. Raises NotFound."""
    endpoint = await _find(ctx, command.id, lock=True)
    await EndpointRepository(ctx.session).remove(command.id, await ctx.now())
    return endpoint.view


@use_case(MANAGE, AuditAction.WEBHOOK_TEST, lambda command, _: command.id)
async def send_test(ctx: Context, command: EndpointRef) -> DeliveryView:
    """Queue a message of kind `webhook.test`. Raises NotFound, EndpointDisabled."""
    endpoint, now = await _find(ctx, command.id), await ctx.now()
    if endpoint.view.state != "enabled":
        raise EndpointDisabled()
    body = deliveries.message(deliveries.TEST_KIND, msgspec.to_builtins(now), None, {"endpoint_id": command.id})
    kind, tenant_id = deliveries.TEST_KIND, endpoint.tenant_id
    delivery_id = await deliveries.queue(ctx, endpoint.view, tenant_id, new_id(), kind, body)
    if delivery_id is None:
        raise NotFound()
    return await get_delivery(ctx, delivery_id)


async def list_deliveries(
    ctx: Context, endpoint_id: UUID, cursor: UUID | None, limit: int, state: str | None
) -> Slice[DeliveryView, UUID]:
    """The deliveries of an endpoint, newest first. Raises NotFound."""
    endpoint = await _find(ctx, endpoint_id)
    rows = await DeliveryRepository(ctx.session).page(_scope(ctx), endpoint.view.id, cursor, limit, state)
    return cut(rows, limit, lambda row: row.id)


async def get_delivery(ctx: Context, delivery_id: UUID) -> DeliveryView:
    """One delivery of the organisation. Raises NotFound."""
    result = await DeliveryRepository(ctx.session).find(_scope(ctx), delivery_id)
    if result is None:
        raise NotFound()
    return result


async def list_attempts(ctx: Context, delivery_id: UUID) -> list[AttemptView]:
    """The attempts of a delivery, newest first. Raises NotFound."""
    delivery = await get_delivery(ctx, delivery_id)
    return await DeliveryRepository(ctx.session).list_attempts(delivery.id)


@use_case(MANAGE, AuditAction.WEBHOOK_REPLAY, lambda command, _: command.id)
async def replay(ctx: Context, command: DeliveryRef) -> DeliveryView:
    """Send a message again under its id. Raises NotFound, EndpointDisabled, DeliveryUnderWay."""
    delivery = await get_delivery(ctx, command.id)
    await _require_enabled(ctx, delivery.endpoint_id)
    if not await DeliveryRepository(ctx.session).replay(_scope(ctx), command.id, await ctx.now()):
        raise DeliveryUnderWay()
    await ctx.enqueue(deliveries.JOB, DeliveryRef(id=command.id), aggregate_id=command.id)
    return await get_delivery(ctx, command.id)


@use_case(MANAGE, AuditAction.WEBHOOK_REPLAY_FAILED, lambda command, _: command.id)
async def replay_failed(ctx: Context, command: ReplayFailed) -> Replayed:
    """Send the failed messages since an instant again, oldest first, at most 1,000. Raises NotFound,
    EndpointDisabled."""
    await _require_enabled(ctx, command.id)
    repository = DeliveryRepository(ctx.session)
    result = await repository.replay_failed(_scope(ctx), command.id, command.since, REPLAYED_AT_ONCE, await ctx.now())
    for delivery_id in sorted(result):
        await ctx.enqueue(deliveries.JOB, DeliveryRef(id=delivery_id), aggregate_id=delivery_id)
    return Replayed(count=len(result))


async def _require_enabled(ctx: Context, endpoint_id: UUID) -> None:
    if (await _find(ctx, endpoint_id)).view.state != "enabled":
        raise EndpointDisabled()


def _scope(ctx: Context) -> TenantScope:
    return tenant_scope(ctx.actor, MANAGE)


async def _find(ctx: Context, endpoint_id: UUID, *, lock: bool = False) -> Endpoint:
    result = await EndpointRepository(ctx.session).find(_scope(ctx), endpoint_id, lock=lock)
    if result is None:
        raise NotFound()
    return result


def _new_secret(ctx: Context) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    ctx.once_only[SECRET] = signatures.shown_secret(key)
    return wrap(ctx.settings.web.secret_key, key, deliveries.PURPOSE)


def _check(ctx: Context, url: str, description: str, kinds: tuple[str, ...]) -> None:
    fields: dict[str, str] = {}
    try:
        addresses.parse(url, loopback=ctx.settings.webhook_loopback)
    except addresses.Refused as error:
        fields["url"] = str(error)
    if fault := text_fault(description, 0, 200, "has up to 200 characters on one line"):
        fields["description"] = fault
    unknown = [kind for kind in kinds if PREFIX + kind not in CATALOGUE or not is_published(kind)]
    if unknown:
        fields["kinds"] = f"{unknown[0][:60]} is not a kind of event"
    if fields:
        raise ValidationFailed(fields=fields)
