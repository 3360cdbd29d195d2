"""Facts about what people were told: ids only."""

from uuid import UUID

from app.shared.events import Event, event


@event("notification.inbox.added", aggregate="item_id")
class InboxItemAdded(Event, frozen=True, kw_only=True):
    """Something new lies in a person's inbox; `toast` when their open pages shall say so."""

    item_id: UUID
    user_id: UUID
    toast: bool


@event("notification.inbox.read", aggregate="user_id")
class InboxRead(Event, frozen=True, kw_only=True):
    """A person has read one or all of their items."""

    user_id: UUID


@event("notification.webhook.disabled", aggregate="endpoint_id")
class WebhookDisabled(Event, frozen=True, kw_only=True):
    """An endpoint was switched off because nothing was delivered any more. reason: failing | gone."""

    endpoint_id: UUID
    tenant_id: UUID
    reason: str
