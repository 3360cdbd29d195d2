"""Turns events into live topics. A lost message is harmless: a page refetches when its socket comes back."""

import msgspec

from app.context import Context
from app.domains.notification.rules import also_for_everybody, channel, is_for_everybody, topics_of
from app.shared.events import Envelope, Event


async def announce(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Publish the topics that `event` touches to the open pages of its tenant."""
    topics = topics_of(event)
    if topics:
        target = None if is_for_everybody(event) else envelope.tenant_id
        await ctx.runtime.valkey.publish(channel(target), msgspec.json.encode({"topics": topics}))
    shared = also_for_everybody(event)
    if shared:
        await ctx.runtime.valkey.publish(channel(None), msgspec.json.encode({"topics": shared}))
