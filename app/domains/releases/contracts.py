"""What a certificate is asked for with."""

from typing import Literal
from uuid import UUID

import msgspec

from app.shared.pki import SshCredential

Purpose = Literal["terminal", "probe"]


class CertifyUser(msgspec.Struct, frozen=True, kw_only=True):
    """Let `user_id` become `login` on the machine of this allocation for some minutes."""

    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    user_id: UUID | None
    login: str
    purpose: Purpose = "terminal"


__all__ = ["CertifyUser", "Purpose", "SshCredential"]
