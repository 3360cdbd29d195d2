"""The undo that a page offers after a deletion. The address names the deletion; whether it can be undone is looked
up."""

from datetime import datetime
from uuid import UUID

from app.domains.storage.repository import ObjectRepository
from app.domains.storage.service.folders import RestoreFolder
from app.domains.storage.service.views import UndoOffer
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.storagepath import BadPath, parse


async def find(ctx: Context, gone: str, at: str) -> UndoOffer | None:
    """The deletion of a file (`gone` is its id) or, with `at`, of a folder (`gone` is its path); None when it cannot be
    undone."""
    if not gone:
        return None
    if at:
        try:
            return UndoOffer(path=parse(gone), at=_instant(at).isoformat())
        except (BadPath, ValidationFailed):
            return None
    try:
        file = await ObjectRepository(ctx.session).get_in(project_scope(ctx.actor, Permission.STORAGE_READ), UUID(gone))
    except (ValueError, NotFound):
        return None
    if file.state != "deleted":
        return None
    return UndoOffer(path=file.path, object_id=file.id, until=file.purge_at)


def folder_command(namespace: str, path: str, at: str) -> RestoreFolder:
    """Raises ValidationFailed."""
    return RestoreFolder(namespace=namespace, path=path, deleted_at=_instant(at))


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationFailed(fields={"at": "is not an instant"}) from error
    if found.tzinfo is None:
        raise ValidationFailed(fields={"at": "is not an instant"})
    return found
