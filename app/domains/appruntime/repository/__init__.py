"""Every SQL statement of appruntime."""

from app.domains.appruntime.repository.apps import AppRepository
from app.domains.appruntime.repository.manifests import ManifestRepository
from app.domains.appruntime.repository.people import MemberRepository
from app.domains.appruntime.repository.steps import StepRepository

__all__ = ["AppRepository", "ManifestRepository", "MemberRepository", "StepRepository"]
