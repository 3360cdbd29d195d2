"""What billing does on events of other domains."""

from app.domains.auth.events import TenantCreated
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def open_accounts(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Open the accounts of a new organisation."""
    if isinstance(event, TenantCreated):
        await balances.open_accounts(ctx, event.tenant_id, event.currency)


CONSUMERS = (ConsumerSpec(name="billing.accounts", events=(TenantCreated,), handle=open_accounts),)
