"""What access to a machine is asked for with, and what is shown of it."""

from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.domains.provisioning.contracts import AccessTarget
from app.shared.pki import HostKey, SshCredential

KeyId = NewType("KeyId", UUID)
Purpose = Literal["terminal", "probe", "command_line", "app"]
AttachmentState = Literal["pending", "attached", "failed", "detaching", "detached"]


class CertifyUser(msgspec.Struct, frozen=True, kw_only=True):
    """Let `user_id` become the login of this machine for some minutes. `app`: to reach sockets in that login's home
    too, and without a terminal."""

    machine: AccessTarget
    user_id: UUID | None = None
    purpose: Purpose = "terminal"
    session_id: UUID | None = None  # the sign-in or token that asked


class SignedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate for a key that somebody else holds. Nothing here is secret."""

    serial: int
    public_key: str
    certificate: str
    principal: str
    valid_from: datetime
    valid_to: datetime


class AddKey(msgspec.Struct, frozen=True, kw_only=True):
    """`public_key` as it was pasted. Without a name the key's comment names it."""

    name: str
    public_key: str


class RenameKey(msgspec.Struct, frozen=True, kw_only=True):
    """`seen`: the version that the change was decided on; None when that does not matter."""

    key_id: UUID
    name: str
    seen: int | None = None


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: UUID


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """One registered key. `last_used_at` is the last login with it that a machine or a certificate told us of."""

    id: KeyId
    owner_id: UUID
    name: str
    algorithm: str
    bits: int
    public_key: str
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None
    version: int
    machines: int = 0


class KeyChanged(msgspec.Struct, frozen=True, kw_only=True):
    key_id: UUID


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """One key on one allocation's machine; `detail` says why it is not there yet."""

    allocation_id: UUID
    key_id: UUID
    owner_id: UUID
    name: str
    algorithm: str
    bits: int
    fingerprint: str
    state: AttachmentState
    detail: str
    tries: int
    changed_at: datetime
    attached_at: datetime | None
    last_used_at: datetime | None


class CertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was signed for a key of a person's own; machines log its serial."""

    serial: int
    valid_to: datetime


class Concerned(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rights are asked about anew: those of a person or program, of an organisation, of a sign-in; of everybody
    when nothing is named."""

    principal_id: UUID | None = None
    tenant_id: UUID | None = None
    session_id: UUID | None = None


class HostIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment carries: how the machine proves itself, and whom it lets in."""

    host_key: HostKey
    user_authority: str  # the public key of who signs people's certificates
    management_principal: str


class Gpu(msgspec.Struct, frozen=True):
    """One GPU that a machine says answers."""

    index: int
    name: str = ""


class MachineState(msgspec.Struct, frozen=True, kw_only=True):
    """What provisioning says of an allocation's machine: where it is while it runs, and whether it is over for good."""

    target: AccessTarget | None
    ended: bool = False


class DeliverKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Bring the wanted keys to the machine of this allocation."""

    allocation_id: UUID


class EndCertificates(msgspec.Struct, frozen=True, kw_only=True):
    """Let the machine of this allocation refuse the certificates that have ended. `tries`: how often it was not
    reached."""

    allocation_id: UUID
    tries: int = 0


class WantedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is to open the machine."""

    key_id: UUID
    public_key: str


__all__ = [
    "AddKey",
    "AttachmentState",
    "AttachmentView",
    "CertificateView",
    "CertifyUser",
    "Concerned",
    "DeliverKeys",
    "EndCertificates",
    "Gpu",
    "HostIdentity",
    "HostKey",
    "KeyChanged",
    "KeyId",
    "KeyView",
    "MachineState",
    "Purpose",
    "RenameKey",
    "RevokeKey",
    "SignedKey",
    "SshCredential",
    "WantedKey",
]
