"""The public API of notification for the composition root."""

from app.domains.notification.rules.topics import inbox_topic
from app.domains.notification.service.inbox import count_unread as unread
from app.domains.notification.service.inbox import live_topic as topic

__all__ = ["inbox_topic", "topic", "unread"]
