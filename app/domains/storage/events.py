"""Events of storage: ids and amounts only. An event never contains a path, because a path may contain a person's
name."""

from uuid import UUID

from app.shared.events import Event, event


@event("storage.object.created", aggregate="object_id")
class ObjectCreated(Event, frozen=True):
    """An upload was finished and is visible."""

    object_id: UUID
    namespace_id: UUID
    size: int


@event("storage.object.moved", aggregate="object_id")
class ObjectMoved(Event, frozen=True):
    """A file was moved to another path."""

    object_id: UUID
    namespace_id: UUID


@event("storage.object.deleted", aggregate="object_id")
class ObjectDeleted(Event, frozen=True):
    """A file was deleted. It can be restored until it is purged."""

    object_id: UUID
    namespace_id: UUID
    size: int


@event("storage.object.restored", aggregate="object_id")
class ObjectRestored(Event, frozen=True):
    object_id: UUID
    namespace_id: UUID


@event("storage.object.damaged", aggregate="object_id")
class ObjectDamaged(Event, frozen=True):
    """The bucket does not hold what the table records. `damage` is missing or size."""

    object_id: UUID
    namespace_id: UUID
    damage: str


@event("storage.namespace.changed", aggregate="namespace_id")
class NamespaceChanged(Event, frozen=True):
    """A namespace or a folder in it was created, moved, renamed or deleted. `objects` counts the files concerned."""

    namespace_id: UUID
    objects: int = 0


@event("storage.copy.changed", aggregate="copy_id")
class CopyChanged(Event, frozen=True):
    """A copy to a machine started or ended. state: waiting | in_progress | active (completed) | failed."""

    copy_id: UUID
    allocation_id: UUID
    state: str
