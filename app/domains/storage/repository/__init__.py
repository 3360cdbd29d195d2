"""Every SQL statement of storage."""

from app.domains.storage.repository.beside import CopyRepository, LinkRepository, ReportRepository
from app.domains.storage.repository.objects import ObjectRepository
from app.domains.storage.repository.places import NamespaceRepository, UsageRepository
from app.domains.storage.repository.sweeping import SweepRepository
from app.domains.storage.repository.tree import TreeRepository
from app.domains.storage.repository.uploads import UploadRepository

__all__ = [
    "CopyRepository",
    "LinkRepository",
    "NamespaceRepository",
    "ObjectRepository",
    "ReportRepository",
    "SweepRepository",
    "TreeRepository",
    "UploadRepository",
    "UsageRepository",
]
