"""Pure decisions: which topics an event touches, whom it concerns, in which words, when to try again, where to send."""

from app.domains.notification.rules.topics import also_for_everybody, channel, is_for_everybody, topics_of

__all__ = ["also_for_everybody", "channel", "is_for_everybody", "topics_of"]
