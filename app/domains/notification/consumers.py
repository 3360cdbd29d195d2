"""What notification does with the events of the others: live topics for open pages, items, mails."""

from contextlib import suppress

import msgspec
from redis.exceptions import RedisError

from app.domains.auth.events import InvitationSent
from app.domains.notification.events import InboxItemAdded, InboxRead
from app.domains.notification.rules import also_for_everybody, channel, is_for_everybody, topics_of
from app.domains.notification.rules.topics import inbox_topic, personal_channel
from app.domains.notification.service import deliveries, feed, inbox, invitations
from app.shared.context import Context
from app.shared.events import Envelope, Event


async def announce(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Publish the topics that `event` touches to the open pages of its tenant. A lost message is harmless: a page
    refetches when its socket comes back. So a Valkey that is down is no failure of the event."""
    told: dict[str, dict[str, object]] = {}
    if isinstance(event, InboxItemAdded | InboxRead):
        told[personal_channel(event.user_id)] = _personal(event)
    else:
        told[channel(None)] = {"topics": also_for_everybody(event)}
        told[channel(None if is_for_everybody(event) else envelope.tenant_id)] = {"topics": topics_of(event)}
    with suppress(RedisError, OSError):
        for name, message in told.items():
            if message["topics"]:
                await ctx.runtime.valkey.publish(name, msgspec.json.encode(message))


def _personal(event: InboxItemAdded | InboxRead) -> dict[str, object]:
    """To the pages of one person. The words of a toast are fetched by a request of that person's own."""
    message: dict[str, object] = {"topics": (inbox_topic(event.user_id),)}
    if isinstance(event, InboxItemAdded) and event.toast:
        message["item"] = str(event.item_id)
    return message


async def note(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Put the event into the inboxes of those whom it concerns."""
    await inbox.note(ctx, event, envelope)


async def invite(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Write to somebody who was invited."""
    if isinstance(event, InvitationSent):
        await invitations.write(ctx, event.invitation_id)


async def record(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Add the event to its tenant's feed."""
    await feed.record(ctx, event, envelope)


async def send_out(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Write down what the tenant's webhooks are to be sent."""
    await deliveries.record(ctx, event, envelope)
