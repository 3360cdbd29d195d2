"""What provisioning does when others tell something."""

from app.context import Context
from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.service.release import release_all
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_exhausted(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """The money is used up: everything of that tenant is given back now."""
    if isinstance(fact, TenantExhausted):
        await release_all(ctx, fact.tenant_id, "exhausted")


CONSUMERS = (
    ConsumerSpec(name="provisioning-exhausted", events=(TenantExhausted,), handle=on_exhausted, ordered=False),
)
