"""The tables of storage: `tree`; `transfer`."""

from app.domains.storage.models.transfer import (
    StorageCopy,
    StorageLink,
    StorageReport,
    StorageUpload,
    StorageUploadPart,
)
from app.domains.storage.models.tree import StorageFolder, StorageNamespace, StorageObject, StorageUsage

__all__ = [
    "StorageCopy",
    "StorageFolder",
    "StorageLink",
    "StorageNamespace",
    "StorageObject",
    "StorageReport",
    "StorageUpload",
    "StorageUploadPart",
    "StorageUsage",
]
