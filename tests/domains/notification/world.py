"""Events as other domains tell them, for the consumers of notification."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.domains.billing.events import RunwayLow
from app.domains.payments.events import PaymentSucceeded
from app.domains.provisioning.events import AllocationActivated
from app.shared.authz.actor import SYSTEM
from app.shared.events import Event
from app.shared.events.wire import aggregate_of
from tests.fixtures.app import Browser, tenant_of

ENDS = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


def runway_low(tenant_id: UUID) -> RunwayLow:
    return RunwayLow(
        tenant_id=tenant_id, level="warning", threshold_seconds=14_400, runway_seconds=14_000, empties_at=ENDS
    )


def paid(tenant_id: UUID, amount: int = 25_000_000) -> PaymentSucceeded:
    return PaymentSucceeded(payment_id=uuid4(), tenant_id=tenant_id, amount=amount, currency="USD")


def activated(user_id: UUID) -> AllocationActivated:
    return AllocationActivated(allocation_id=uuid4(), node_id=uuid4(), user_id=user_id)


async def emit(runtime, person: Browser, *events: Event) -> None:
    """As the domain that owns the fact would: in a transaction of its own, for the person's place."""
    async with runtime.context(SYSTEM) as ctx:
        for version, event in enumerate(events, start=1):
            assert aggregate_of(event.SUBJECT)
            await ctx.emit(event, version=version, tenant_id=tenant_of(person), project_id=person.actor.project_id)
