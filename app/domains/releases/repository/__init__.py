"""Every SQL statement of access to machines: certificates issued, people's own keys, and where those are attached.
Public keys only: a private one has never been here."""

from app.domains.releases.repository.attachments import AttachmentRepository
from app.domains.releases.repository.certificates import CertificateRepository
from app.domains.releases.repository.keys import KeyRepository

__all__ = ["AttachmentRepository", "CertificateRepository", "KeyRepository"]
