"""Events of notification: ids only."""

from uuid import UUID

from app.shared.events import Event, event


@event("notification.inbox.added", aggregate="item_id")
class InboxItemAdded(Event, frozen=True, kw_only=True):
    """An item was added to a person's inbox; `toast`: show it on their open pages."""

    item_id: UUID
    user_id: UUID
    toast: bool


@event("notification.inbox.read", aggregate="user_id")
class InboxRead(Event, frozen=True, kw_only=True):
    """A person read one or all of their items."""

    user_id: UUID


@event("notification.webhook.disabled", aggregate="endpoint_id")
class WebhookDisabled(Event, frozen=True, kw_only=True):
    """A webhook was switched off because its deliveries fail. reason: failing | gone | unsponsored."""

    endpoint_id: UUID
    tenant_id: UUID
    reason: str
