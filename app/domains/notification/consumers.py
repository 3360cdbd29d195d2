"""Turns events into live topics. A lost message is harmless: a page refetches when its socket comes back.

So a Valkey that is down is no failure of the event: it would only end as a dead letter that nobody needs again.
"""

from contextlib import suppress

import msgspec
from redis.exceptions import RedisError

from app.context import Context
from app.domains.notification.rules import also_for_everybody, channel, is_for_everybody, topics_of
from app.shared.events import Envelope, Event


async def announce(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Publish the topics that `event` touches to the open pages of its tenant."""
    told = {channel(None): also_for_everybody(event)}
    told[channel(None if is_for_everybody(event) else envelope.tenant_id)] = topics_of(event)
    with suppress(RedisError, OSError):
        for name, topics in told.items():
            if topics:
                await ctx.runtime.valkey.publish(name, msgspec.json.encode({"topics": topics}))
