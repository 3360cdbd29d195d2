"""Delivering events to webhooks: an intent per endpoint, one attempt per job, the schedule of the policy between them.

Every attempt of a message carries the same id and signs the same bytes. An endpoint that says 410, or that has failed
for days, is switched off and its admins are told; what it misses is recorded and can be replayed.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from app.domains.auth import public as auth
from app.domains.notification import policies
from app.domains.notification.contracts import AttemptView, DeliveryRef, DeliveryState, DeliveryView, EndpointView
from app.domains.notification.events import WebhookDisabled
from app.domains.notification.gateway import webhook
from app.domains.notification.gateway.webhook import Answer
from app.domains.notification.repository.deliveries import DeliveryRepository
from app.domains.notification.repository.webhooks import Endpoint, EndpointRepository
from app.domains.notification.rules import channel, signatures
from app.domains.notification.rules.feed import is_told, wants
from app.domains.notification.rules.schedule import next_try, parse_pauses
from app.domains.notification.service.inbox import PREFIX
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


async def record(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Write down what each endpoint of the tenant is to be sent."""
    name = event.SUBJECT.removeprefix(PREFIX)
    if envelope.tenant_id is None or not is_told(name):
        return
    facts: dict[str, object] = msgspec.to_builtins(event)
    body = message(name, msgspec.to_builtins(envelope.occurred_at), envelope.project_id, facts)
    for endpoint in await EndpointRepository(ctx.session).list_for_event(envelope.tenant_id):
        if wants(list(endpoint.kinds), name):
            await queue(ctx, endpoint, envelope.tenant_id, envelope.id, name, body)


def message(kind: str, timestamp: str, project_id: UUID | None, data: dict[str, object]) -> str:
    """The JSON of a message; its bytes are kept, because every attempt signs them."""
    content = {"type": kind, "timestamp": timestamp, "project_id": project_id, "data": data}
    return msgspec.json.encode(content).decode()


async def queue(
    ctx: Context, endpoint: EndpointView, tenant_id: UUID, message_id: UUID, kind: str, body: str
) -> UUID | None:
    """Record one message and ask for its first attempt. What an endpoint misses while it is off has failed at once."""
    state: DeliveryState = "queued" if endpoint.state == "enabled" else "failed"
    repository = DeliveryRepository(ctx.session)
    delivery_id = await repository.add(endpoint.id, tenant_id, message_id, kind, body, state, await ctx.now())
    if delivery_id is not None and state == "queued":
        await ctx.enqueue(JOB, DeliveryRef(id=delivery_id), aggregate_id=delivery_id)
    return delivery_id


async def deliver(runtime: Runtime, delivery_id: UUID) -> str:
    """One attempt. Returns what became of it: delivered, postponed, failed or nothing (not due, ended, elsewhere)."""
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
    answer = await webhook.post(endpoint.view.url, body, headers, loopback=loopback)
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
    """Why nobody may have this sent any more: the organisation is closed, or who answers for it could not add it."""
    claim = _claim(endpoint)
    return Ended("unsponsored") if claim is None else (await auth.rights_ended(ctx, [claim])).get(claim)


async def withdraw(runtime: Runtime) -> int:
    """Switch off what nobody answers for any more, and say so. Returns how many. A suspended organisation's are asked
    about at each message, and go on when it is opened again."""
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
    """Nothing is sent any more, and the organisation's admins are told why. False when it was off."""
    version = await EndpointRepository(ctx.session).switch_off(endpoint.view.id, reason, await ctx.now())
    if version is None:
        return False
    log.info("a webhook was switched off", endpoint_id=str(endpoint.view.id), reason=reason)
    fact = WebhookDisabled(endpoint_id=endpoint.view.id, tenant_id=endpoint.tenant_id, reason=reason)
    await ctx.emit(fact, version=version, tenant_id=endpoint.tenant_id)
    return True


async def _announce(runtime: Runtime, endpoint: Endpoint) -> None:
    """To open pages of the log; losing it is harmless."""
    topics = {"topics": (f"webhook:{endpoint.view.id}",)}
    with suppress(RedisError, OSError):
        await runtime.valkey.publish(channel(endpoint.tenant_id), msgspec.json.encode(topics))


def _keys(ctx: Context, endpoint: Endpoint, now: float) -> list[bytes]:
    """The new secret first, the old one for as long as it holds."""
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
    """The policy's schedule; one that cannot be read is no reason to lose messages."""
    try:
        return parse_pauses(await ctx.policy(policies.WEBHOOK_PAUSES, tenant_id))
    except ValueError:
        log.error("the policy of webhook pauses cannot be read", policy=policies.WEBHOOK_PAUSES.name)
        return parse_pauses(policies.WEBHOOK_PAUSES.default)


async def _switched_off(ctx: Context, endpoint: Endpoint, answer: Answer) -> bool:
    """Whether the endpoint is off from now on, because it said so or because it has failed for too long."""
    repository, now = EndpointRepository(ctx.session), await ctx.now()
    since = await repository.mark_failing(endpoint.view.id, now)
    days = await ctx.policy(policies.WEBHOOK_FAILING_DAYS, endpoint.tenant_id)
    reason = "gone" if answer.status == GONE else "failing" if now - since >= timedelta(days=days) else None
    if reason is None:
        return False
    await switch_off(ctx, endpoint, reason)
    return True
