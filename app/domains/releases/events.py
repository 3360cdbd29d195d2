"""Facts about access to machines. Ids only: keys, names and logins stay in our own tables."""

from uuid import UUID

from app.shared.events import Event, event


@event("releases.access.changed", aggregate="allocation_id")
class AccessChanged(Event, frozen=True):
    """Other keys than before are to open this allocation's machine: whoever manages the machine brings it there."""

    allocation_id: UUID


@event("releases.access.settled", aggregate="allocation_id")
class AccessSettled(Event, frozen=True):
    """What is attached to this allocation's machine has moved: done, or not done yet."""

    allocation_id: UUID


@event("releases.entry.ended", aggregate="allocation_id")
class EntryEnded(Event, frozen=True):
    """Certificates of a person or program for this allocation's machine have ended: whoever manages the machine lets
    it refuse them and ends the connections that they made."""

    allocation_id: UUID
    user_id: UUID


@event("releases.key.added", aggregate="key_id")
class KeyAdded(Event, frozen=True):
    key_id: UUID
    user_id: UUID


@event("releases.key.revoked", aggregate="key_id")
class KeyRevoked(Event, frozen=True):
    key_id: UUID
    user_id: UUID
