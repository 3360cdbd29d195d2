"""Facts about stored files: ids and amounts only. Paths are never in an event: a person may have put a name in one."""

from uuid import UUID

from app.shared.events import Event, event


@event("storage.object.created", aggregate="object_id")
class ObjectCreated(Event, frozen=True):
    """An upload was finished and can be seen."""

    object_id: UUID
    namespace_id: UUID
    size: int


@event("storage.object.moved", aggregate="object_id")
class ObjectMoved(Event, frozen=True):
    """It has another path."""

    object_id: UUID
    namespace_id: UUID


@event("storage.object.deleted", aggregate="object_id")
class ObjectDeleted(Event, frozen=True):
    """It can be brought back until it is gone for good."""

    object_id: UUID
    namespace_id: UUID
    size: int


@event("storage.object.restored", aggregate="object_id")
class ObjectRestored(Event, frozen=True):
    object_id: UUID
    namespace_id: UUID


@event("storage.object.damaged", aggregate="object_id")
class ObjectDamaged(Event, frozen=True):
    """The bucket does not hold what the table says. `damage` is missing or size."""

    object_id: UUID
    namespace_id: UUID
    damage: str


@event("storage.namespace.changed", aggregate="namespace_id")
class NamespaceChanged(Event, frozen=True):
    """It was made, renamed or deleted, or a folder in it was made, moved or deleted. `objects` counts files touched."""

    namespace_id: UUID
    objects: int = 0


@event("storage.copy.changed", aggregate="copy_id")
class CopyChanged(Event, frozen=True):
    """A copy to a machine began or ended. state: waiting | in_progress | active (done well) | failed."""

    copy_id: UUID
    allocation_id: UUID
    state: str
