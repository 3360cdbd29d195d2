"""What a page offers to undo right after a deletion. The address names it; whether it can be undone is looked up."""

from datetime import datetime
from uuid import UUID

from app.domains.storage.contracts import RestoreFolder
from app.domains.storage.repository import ObjectRepository
from app.domains.storage.service.views import Undone
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.storagepath import BadPath, parse


async def find(ctx: Context, gone: str, at: str) -> Undone | None:
    """`gone` is a file's id, or with `at` a folder's path; None for what is not there or not deleted."""
    if not gone:
        return None
    if at:
        try:
            return Undone(path=parse(gone), at=_instant(at).isoformat())
        except (BadPath, ValidationFailed):
            return None
    try:
        thing = await ObjectRepository(ctx.session).get_in(
            project_scope(ctx.actor, Permission.STORAGE_READ), UUID(gone)
        )
    except (ValueError, NotFound):
        return None
    if thing.state != "deleted":
        return None
    return Undone(path=thing.path, object_id=thing.id, until=thing.purge_at)


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
