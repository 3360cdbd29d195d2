"""Delivery of events to webhooks: one row per endpoint and event, one attempt per job, retried by the policy.

Every attempt carries the same message id and signs the same bytes. An endpoint that answers 410, or has failed for
days, is switched off and its admins are notified; the events it misses are recorded and can be replayed.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from app.domains.auth import public as auth
from app.domains.notification import policies
from app.domains.notification.events import WebhookDisabled
from app.domains.notification.gateway.webhook import Answer, WebhookClient
from app.domains.notification.repository.deliveries import DeliveryRepository
from app.domains.notification.repository.webhooks import Endpoint, EndpointRepository
from app.domains.notification.rules import channel, signatures
from app.domains.notification.rules.feed import PREFIX, is_published, wants
from app.domains.notification.rules.schedule import next_try, parse_pauses
from app.domains.notification.rules.values import AttemptView, DeliveryState, DeliveryView, EndpointView
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import MESSAGES, Claim, Ended, claim_of_sponsor
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.crypto import unwrap
from app.shared.events import Envelope, Event

log = structlog.get_logger("berth.webhooks")
JOB = "notification.deliver_webhook"
PURPOSE = "webhook"
GONE = 410
TEST_KIND = "webhook.test"


class DeliveryRef(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; also the argument of the job that makes one attempt."""

    id: UUID


async def record(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Queue the event for each endpoint of the tenant that wants it."""
    name = event.SUBJECT.removeprefix(PREFIX)
    if envelope.tenant_id is None or not is_published(name):
        return
    data: dict[str, object] = msgspec.to_builtins(event)
    body = message(name, msgspec.to_builtins(envelope.occurred_at), envelope.project_id, data)
    for endpoint in await EndpointRepository(ctx.session).list_for_event(envelope.tenant_id):
        if wants(list(endpoint.kinds), name):
            await queue(ctx, endpoint, envelope.tenant_id, envelope.id, name, body)


def message(kind: str, timestamp: str, project_id: UUID | None, data: dict[str, object]) -> str:
    """The JSON of a message. It is stored, because every attempt signs the same bytes."""
    content = {"type": kind, "timestamp": timestamp, "project_id": project_id, "data": data}
    return msgspec.json.encode(content).decode()


async def queue(
    ctx: Context, endpoint: EndpointView, tenant_id: UUID, message_id: UUID, kind: str, body: str
) -> UUID | None:
    """Record one message and enqueue its first attempt. For a disabled endpoint it is recorded as failed."""
    state: DeliveryState = "queued" if endpoint.state == "enabled" else "failed"
    repository = DeliveryRepository(ctx.session)
    delivery_id = await repository.add(endpoint.id, tenant_id, message_id, kind, body, state, await ctx.now())
    if delivery_id is not None and state == "queued":
        await ctx.enqueue(JOB, DeliveryRef(id=delivery_id), aggregate_id=delivery_id)
    return delivery_id


async def deliver(runtime: Runtime, delivery_id: UUID) -> str:
    """Make one attempt. Returns delivered, postponed, failed, or nothing (not due, ended, or claimed elsewhere)."""
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        delivery = await DeliveryRepository(ctx.session).claim(delivery_id, now)
        if delivery is None:
            return "nothing"
        endpoint = await EndpointRepository(ctx.session).find_for_delivery(delivery.endpoint_id)
        if endpoint is None or endpoint.view.state != "enabled" or await sponsor_ended(ctx, endpoint) is not None:
            await DeliveryRepository(ctx.session).end(delivery_id, "failed", now)
            return "failed"
        keys = _keys(ctx, endpoint, now.timestamp())
    body = delivery.body.encode()
    headers = signatures.headers(keys, delivery.message_id, int(now.timestamp()), body)
    loopback = runtime.settings.webhook_loopback
    answer = await runtime.part(WebhookClient).post(endpoint.view.url, body, headers, loopback=loopback)
    attempt = AttemptView(
        started_at=now,
        milliseconds=answer.milliseconds,
        status=answer.status,
        problem=answer.problem,
        answer=answer.text,
    )
    async with runtime.context(SYSTEM) as ctx:
        await DeliveryRepository(ctx.session).add_attempt(delivery_id, attempt)
        result = await _conclude(ctx, endpoint, delivery, answer)
    await _announce(runtime, endpoint)
    return result


def _claim(endpoint: Endpoint) -> Claim | None:
    return claim_of_sponsor(endpoint.view.sponsor_id, Permission.WEBHOOK_MANAGE, endpoint.tenant_id)


async def sponsor_ended(ctx: Context, endpoint: Endpoint) -> Ended | None:
    """Why the webhook may no longer send: its organisation is suspended, or its sponsor may not manage webhooks."""
    claim = _claim(endpoint)
    return Ended("unsponsored") if claim is None else (await auth.rights_ended(ctx, [claim])).get(claim)


async def disable_unsponsored(runtime: Runtime) -> int:
    """Switch off webhooks without a valid sponsor. Returns how many. Those of a suspended organisation are only checked
    at each message, so that they continue after it is resumed."""
    async with runtime.context(SYSTEM) as ctx:
        endpoints = [(one, _claim(one)) for one in await EndpointRepository(ctx.session).list_enabled()]
        ended = await auth.rights_ended(ctx, [claim for _, claim in endpoints if claim is not None])

    async def end(endpoint: Endpoint) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            if not await switch_off(ctx, endpoint, "unsponsored"):
                return False
            ctx.about(endpoint.tenant_id)
            ctx.explain(why="unsponsored", words=MESSAGES["unsponsored"])
            ctx.changed(state=("enabled", "disabled"))
            await ctx.audit(AuditAction.WEBHOOK_PAUSE, endpoint.view.id)
        return True

    lost = [one for one, claim in endpoints if claim is None or _is_over(ended.get(claim))]
    return await one_by_one(lost, end, "a webhook could not be switched off")


def _is_over(ended: Ended | None) -> bool:
    return ended is not None and ended.code != "organisation_suspended"


async def switch_off(ctx: Context, endpoint: Endpoint, reason: str) -> bool:
    """Switch the endpoint off and publish the reason. False when it was off already."""
    version = await EndpointRepository(ctx.session).switch_off(endpoint.view.id, reason, await ctx.now())
    if version is None:
        return False
    log.info("a webhook was switched off", endpoint_id=str(endpoint.view.id), reason=reason)
    event = WebhookDisabled(endpoint_id=endpoint.view.id, tenant_id=endpoint.tenant_id, reason=reason)
    await ctx.emit(event, version=version, tenant_id=endpoint.tenant_id)
    return True


async def _announce(runtime: Runtime, endpoint: Endpoint) -> None:
    """Refresh open pages of the log; a lost message is harmless."""
    topics = {"topics": (f"webhook:{endpoint.view.id}",)}
    with suppress(RedisError, OSError):
        await runtime.valkey.publish(channel(endpoint.tenant_id), msgspec.json.encode(topics))


def _keys(ctx: Context, endpoint: Endpoint, now: float) -> list[bytes]:
    """The current secret, then the previous one while it is valid."""
    wrapped = [endpoint.wrapped_secret]
    until = endpoint.view.previous_secret_until
    if endpoint.wrapped_previous_secret is not None and until is not None and until.timestamp() > now:
        wrapped.append(endpoint.wrapped_previous_secret)
    return [unwrap(ctx.settings.web.secret_key, one, PURPOSE) for one in wrapped]


async def _conclude(ctx: Context, endpoint: Endpoint, delivery: DeliveryView, answer: Answer) -> str:
    repository, now = DeliveryRepository(ctx.session), await ctx.now()
    if answer.is_good:
        await repository.end(delivery.id, "delivered", now)
        await EndpointRepository(ctx.session).mark_working(endpoint.view.id)
        return "delivered"
    if await _switched_off(ctx, endpoint, answer):
        await repository.end(delivery.id, "failed", now)
        return "failed"
    due_at = next_try(now, delivery.attempts, await _pauses(ctx, endpoint.tenant_id))
    if due_at is None:
        await repository.end(delivery.id, "failed", now)
        return "failed"
    await repository.postpone(delivery.id, due_at)
    await ctx.enqueue(JOB, DeliveryRef(id=delivery.id), aggregate_id=delivery.id, due_at=due_at)
    return "postponed"


async def _pauses(ctx: Context, tenant_id: UUID) -> tuple[int, ...]:
    """The policy's schedule; the default when it is invalid."""
    try:
        return parse_pauses(await ctx.policy(policies.WEBHOOK_PAUSES, tenant_id))
    except ValueError:
        log.error("the policy of webhook pauses cannot be read", policy=policies.WEBHOOK_PAUSES.name)
        return parse_pauses(policies.WEBHOOK_PAUSES.default)


async def _switched_off(ctx: Context, endpoint: Endpoint, answer: Answer) -> bool:
    """Switch the endpoint off when it answered 410 or has failed for too long. Returns whether it did."""
    repository, now = EndpointRepository(ctx.session), await ctx.now()
    since = await repository.mark_failing(endpoint.view.id, now)
    days = await ctx.policy(policies.WEBHOOK_FAILING_DAYS, endpoint.tenant_id)
    reason = "gone" if answer.status == GONE else "failing" if now - since >= timedelta(days=days) else None
    if reason is None:
        return False
    await switch_off(ctx, endpoint, reason)
    return True
