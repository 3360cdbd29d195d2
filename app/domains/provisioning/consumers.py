"""Consumers of events from other domains."""

from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.service import exhausted
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_exhausted(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Credit is used up: release everything of the tenant, in bounded steps."""
    if isinstance(event, TenantExhausted):
        await exhausted.on_exhausted(ctx, event)


CONSUMERS = (
    ConsumerSpec(name="provisioning-exhausted", events=(TenantExhausted,), handle=on_exhausted, ordered=False),
)
