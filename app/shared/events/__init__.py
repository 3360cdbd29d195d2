"""Facts that domains tell each other: typed structs, their catalogue, the JetStream client and the inbox."""

from app.shared.events.base import Envelope, Event, event

__all__ = ["Envelope", "Event", "event"]
