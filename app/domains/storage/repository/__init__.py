"""Every SQL statement of storage."""

from app.domains.storage.repository.copies import CopyRepository
from app.domains.storage.repository.folders import FolderRepository
from app.domains.storage.repository.links import LinkRepository
from app.domains.storage.repository.namespaces import NamespaceRepository, UsageRepository
from app.domains.storage.repository.objects import ObjectRepository
from app.domains.storage.repository.reports import ReportRepository
from app.domains.storage.repository.sweep import SweepRepository
from app.domains.storage.repository.uploads import UploadRepository

__all__ = [
    "CopyRepository",
    "FolderRepository",
    "LinkRepository",
    "NamespaceRepository",
    "ObjectRepository",
    "ReportRepository",
    "SweepRepository",
    "UploadRepository",
    "UsageRepository",
]
