"""Wire shapes of the ways to a machine: attached keys, certificates, and the Connect tab."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.provisioning.contracts import AccessTarget
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.service.access import AttachedKey, Certified, Connection
from app.domains.releases import public as releases
from app.domains.releases.contracts import AttachmentView, KeyView
from app.shared.paging import cut_list
from app.web.show_code import ApiCall, call

# state of a key on a machine -> (how it looks, its word)
KEY_LOOKS: dict[str, tuple[str, str]] = {
    "pending": ("in_progress", "being attached"),
    "attached": ("active", "attached"),
    "failed": ("attention", "not attached yet"),
    "detaching": ("in_progress", "being taken off"),
}


class AttachBody(msgspec.Struct, kw_only=True):
    """One of one's own keys, see `/api/v1/ssh-keys`."""

    key_id: UUID


class AttachForm(msgspec.Struct, kw_only=True):
    key_id: UUID


class CertificateBody(msgspec.Struct, kw_only=True):
    """The public half of a key that the caller holds; it need not be registered."""

    public_key: str


class CertificateAnswer(msgspec.Struct, kw_only=True):
    """Log in as `login` to `host`:`port` with the key and `certificate`. Check the machine by `known_hosts` alone,
    under the name `host_key_alias`."""

    certificate: str
    serial: str
    valid_from: datetime
    valid_to: datetime
    host: str
    port: int
    login: str
    host_key_alias: str
    known_hosts: str

    @classmethod
    def of(cls, certified: Certified) -> "CertificateAnswer":
        """A certificate for programs. The serial has 63 bits, more than a number of JSON surely holds, so it is
        text."""
        target, signed = certified.target, certified.signed
        return cls(
            certificate=signed.certificate,
            serial=str(signed.serial),
            valid_from=signed.valid_from,
            valid_to=signed.valid_to,
            host=target.address,
            port=target.port,
            login=target.login,
            host_key_alias=target.host_alias,
            known_hosts=certified.known_hosts,
        )


class AttachedKeyAnswer(msgspec.Struct, kw_only=True):
    """A key on a machine; state: pending | attached | failed (tried again by itself) | detaching."""

    key_id: UUID
    name: str
    algorithm: str
    fingerprint: str
    owner: str
    mine: bool
    state: str
    detail: str
    changed_at: datetime
    attached_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: AttachedKey) -> "AttachedKeyAnswer":
        row = key.attachment
        return cls(
            key_id=row.key_id,
            name=row.name,
            algorithm=row.algorithm,
            fingerprint=row.fingerprint,
            owner=key.owner_name,
            mine=key.mine,
            state=row.state,
            detail=row.detail,
            changed_at=row.changed_at,
            attached_at=row.attached_at,
            last_used_at=row.last_used_at,
        )


class AttachedKeysAnswer(msgspec.Struct, kw_only=True):
    """Keys that open the machine or are on their way; pass `next_cursor` as `cursor` for the next page."""

    items: list[AttachedKeyAnswer]
    next_cursor: UUID | None

    @classmethod
    def of(cls, keys: Sequence[AttachedKey], cursor: UUID | None, limit: int) -> "AttachedKeysAnswer":
        """The keys of a machine for programs."""
        page = cut_list(keys, cursor, limit, lambda key: key.attachment.key_id)
        return cls(items=[AttachedKeyAnswer.of(key) for key in page.items], next_cursor=page.next_cursor)


class AttachedRow(msgspec.Struct, frozen=True, kw_only=True):
    key: AttachmentView
    kind: str
    look: tuple[str, str]
    owner: str
    may_detach: bool


class ConnectPage(msgspec.Struct, frozen=True, kw_only=True):
    """The Connect tab. `target` is None while login is not possible."""

    machine: Allocation
    target: AccessTarget | None
    ssh_config: str
    attached: tuple[AttachedRow, ...]
    free: tuple[KeyView, ...]
    call: ApiCall

    @classmethod
    def of(cls, found: Connection) -> "ConnectPage":
        rows = tuple(
            AttachedRow(
                key=key.attachment,
                kind=releases.shown_kind(key.attachment.algorithm, key.attachment.bits),
                look=KEY_LOOKS[key.attachment.state],
                owner="you" if key.mine else key.owner_name,
                may_detach=key.may_detach,
            )
            for key in found.attached
        )
        allocation = found.allocation
        path = f"/api/v1/allocations/{allocation.id}/ssh-certificates"
        body = CertificateBody(public_key="ssh-ed25519 AAAA…")
        return cls(
            machine=allocation,
            target=found.target,
            ssh_config=ssh_config(allocation.name, found.target, found.known_hosts) if found.target else "",
            attached=rows,
            free=tuple(found.free),
            call=call("POST", path, body, cli=("ssh", allocation.name)),
        )


def ssh_config(name: str, target: AccessTarget, known_hosts: str) -> str:
    """A block for ~/.ssh/config that works with an attached key: the machine proves itself by our authority alone."""
    return "\n".join(
        (
            f"Host {name}",
            f"    HostName {target.address}",
            f"    Port {target.port}",
            f"    User {target.login}",
            f"    HostKeyAlias {target.host_alias}",
            f"    KnownHostsCommand /bin/echo {known_hosts}",
            "    UserKnownHostsFile none",
            "    StrictHostKeyChecking yes",
        )
    )
