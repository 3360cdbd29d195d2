"""Pure rules: live topics, audience, messages, retry schedule, webhook addresses and signatures."""

from app.domains.notification.rules.topics import also_for_everybody, channel, is_for_everybody, topics_of

__all__ = ["also_for_everybody", "channel", "is_for_everybody", "topics_of"]
