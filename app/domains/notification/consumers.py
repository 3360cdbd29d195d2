"""Consumers of events: live topics, inbox items, invitation mails, the feed, and webhooks."""

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
from app.shared.readcache import tags_of_event


async def publish_topics(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Publish the topics that `event` touches to the tenant's open pages. A lost message is harmless, because a page
    refetches when its socket reconnects; so an unavailable Valkey does not fail the event."""
    ctx.invalidate(*tags_of_event(event, envelope.tenant_id))  # for the process that emitted it and then died
    messages: dict[str, dict[str, object]] = {}
    if isinstance(event, InboxItemAdded | InboxRead):
        messages[personal_channel(event.user_id)] = _personal(event)
    else:
        messages[channel(None)] = {"topics": also_for_everybody(event)}
        messages[channel(None if is_for_everybody(event) else envelope.tenant_id)] = {"topics": topics_of(event)}
    with suppress(RedisError, OSError):
        for name, message in messages.items():
            if message["topics"]:
                await ctx.runtime.valkey.publish(name, msgspec.json.encode(message))


def _personal(event: InboxItemAdded | InboxRead) -> dict[str, object]:
    """The message to one person's pages. The text of a toast is fetched by a request of their own."""
    message: dict[str, object] = {"topics": (inbox_topic(event.user_id),)}
    if isinstance(event, InboxItemAdded) and event.toast:
        message["item"] = str(event.item_id)
    return message


async def add_to_inboxes(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Add the event to the inboxes of the people it concerns."""
    await inbox.add_to_inboxes(ctx, event, envelope)


async def send_invitation(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Record the mail to an invited person."""
    if isinstance(event, InvitationSent):
        await invitations.write(ctx, event.invitation_id)


async def record(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Append the event to its tenant's feed."""
    await feed.record(ctx, event, envelope)


async def queue_webhooks(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Queue the event for the tenant's webhooks."""
    await deliveries.record(ctx, event, envelope)
