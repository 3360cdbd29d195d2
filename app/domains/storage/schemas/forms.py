"""Forms of the pages of storage."""

from uuid import UUID

import msgspec

from app.domains.storage.service.objects import MoveObject


class NameForm(msgspec.Struct, kw_only=True):
    name: str = ""


class FolderForm(msgspec.Struct, kw_only=True):
    """`folder` is the current folder, `name` the new folder in it."""

    folder: str = ""
    name: str = ""

    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


class MoveFolderForm(msgspec.Struct, kw_only=True):
    path: str = ""
    new_path: str = ""


class PathForm(msgspec.Struct, kw_only=True):
    path: str = ""


class RestoreFolderForm(msgspec.Struct, kw_only=True):
    path: str = ""
    at: str = ""


class MoveForm(msgspec.Struct, kw_only=True):
    path: str = ""
    namespace: str = ""
    overwrite: str = ""

    def command(self, object_id: UUID) -> MoveObject:
        return MoveObject(
            object_id=object_id, path=self.path, namespace=self.namespace, overwrite=self.overwrite == "true"
        )


class ShareForm(msgspec.Struct, kw_only=True):
    hours: int = 24


class CopyForm(msgspec.Struct, kw_only=True):
    """The form on a file's page."""

    machine: UUID
    target: str = ""


class MachineCopyForm(msgspec.Struct, kw_only=True):
    """The form on a machine's page: `file` is a namespace and a path, for example `files/runs/one.bin`."""

    file: str = ""
    target: str = ""
