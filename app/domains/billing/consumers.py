"""What billing does when others tell it something."""

from app.domains.auth.events import TenantCreated
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def open_accounts(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """A new organisation gets its accounts."""
    if isinstance(fact, TenantCreated):
        await balances.open_accounts(ctx, fact.tenant_id, fact.currency)


CONSUMERS = (ConsumerSpec(name="billing.accounts", events=(TenantCreated,), handle=open_accounts),)
