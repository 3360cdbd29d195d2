"""Whether a path is free: a path is a file or a folder, never both, and nothing is below a file."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.storage.errors import PathTaken
from app.domains.storage.repository import FolderRepository, ObjectRepository
from app.domains.storage.repository.objects import ObjectView
from app.shared.context import Context
from app.shared.storagepath import FolderPath, StoragePath, ancestors, split


class Occupied(msgspec.Struct, frozen=True, kw_only=True):
    """Files at and above some paths, and the paths that are folders."""

    files: dict[str, ObjectView]
    folders: frozenset[str]

    def check(self, path: StoragePath) -> ObjectView | None:
        """The file at the path, if any. Raises PathTaken where no file can be."""
        if path in self.folders:
            raise PathTaken(f"{path} is a folder.")
        self.check_above(split(path)[0])
        return self.files.get(path)

    def check_above(self, folder: FolderPath) -> None:
        """Raises PathTaken when one of the folders above is a file."""
        for above in ancestors(folder):
            if above in self.files:
                raise PathTaken(f"{above} is a file, so it cannot contain anything.")


async def list_occupied(ctx: Context, namespace_id: UUID, paths: Sequence[StoragePath]) -> Occupied:
    """Two statements, however many paths."""
    above = {StoragePath(folder) for path in paths for folder in ancestors(split(path)[0])}
    return Occupied(
        files=await ObjectRepository(ctx.session).list_at(namespace_id, {*paths, *above}),
        folders=frozenset(await FolderRepository(ctx.session, namespace_id).list_existing(paths)),
    )
