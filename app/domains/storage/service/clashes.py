"""Whether something can be at a path: a name is a file or a folder, never both, and a file has nothing below it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.storage.contracts import ObjectView
from app.domains.storage.errors import PathTaken
from app.domains.storage.repository import ObjectRepository, TreeRepository
from app.shared.context import Context
from app.shared.storagepath import FolderPath, StoragePath, ancestors, split


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is at some paths and above them."""

    files: dict[str, ObjectView]
    folders: frozenset[str]

    def check(self, path: StoragePath) -> ObjectView | None:
        """The file that would be replaced. Raises PathTaken where no file can be."""
        if path in self.folders:
            raise PathTaken(f"{path} is a folder.")
        self.check_above(split(path)[0])
        return self.files.get(path)

    def check_above(self, folder: FolderPath) -> None:
        """Raises PathTaken when one of the folders on the way is a file."""
        for above in ancestors(folder):
            if above in self.files:
                raise PathTaken(f"{above} is a file, so nothing can be in it.")


async def look_around(ctx: Context, namespace_id: UUID, paths: Sequence[StoragePath]) -> Around:
    """Read it in two statements, however many paths."""
    above = {StoragePath(folder) for path in paths for folder in ancestors(split(path)[0])}
    return Around(
        files=await ObjectRepository(ctx.session).at(namespace_id, {*paths, *above}),
        folders=frozenset(await TreeRepository(ctx.session, namespace_id).existing(paths)),
    )
