"""What provisioning does when others tell something."""

from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.service import exhausted
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_exhausted(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """The money is used up: everything of that tenant is given back, in steps."""
    if isinstance(fact, TenantExhausted):
        await exhausted.on_exhausted(ctx, fact)


CONSUMERS = (
    ConsumerSpec(name="provisioning-exhausted", events=(TenantExhausted,), handle=on_exhausted, ordered=False),
)
