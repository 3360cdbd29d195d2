"""What provisioning does when others tell something."""

from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.contracts import EndEntries
from app.domains.provisioning.events import AllocationActivated
from app.domains.provisioning.service import exhausted
from app.domains.provisioning.service.access import ask_sync
from app.domains.provisioning.service.endings import ask_end
from app.domains.releases import public as releases
from app.domains.releases.events import AccessChanged, EntryEnded
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_exhausted(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """The money is used up: everything of that tenant is given back, in steps."""
    if isinstance(fact, TenantExhausted):
        await exhausted.on_exhausted(ctx, fact)


async def on_access_changed(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """Other keys are wanted on a machine, or a machine has just become usable: bring them there."""
    activated = isinstance(fact, AllocationActivated)
    if activated and not await releases.wanted_keys(ctx, fact.aggregate_id):
        return
    if activated or isinstance(fact, AccessChanged):
        await ask_sync(ctx, fact.aggregate_id)


async def on_entry_ended(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """Certificates for a machine have ended: let it refuse them, and end what they opened."""
    if isinstance(fact, EntryEnded):
        await ask_end(ctx, EndEntries(allocation_id=fact.allocation_id, user_id=fact.user_id))


CONSUMERS = (
    ConsumerSpec(
        name="provisioning-access",
        events=(AccessChanged, AllocationActivated),
        handle=on_access_changed,
        ordered=False,
    ),
    ConsumerSpec(name="provisioning-entries", events=(EntryEnded,), handle=on_entry_ended, ordered=False),
    ConsumerSpec(name="provisioning-exhausted", events=(TenantExhausted,), handle=on_exhausted, ordered=False),
)
