"""Certificates: whom they let in, where, for how long, and what they never carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncssh
import pytest
from sqlalchemy import text

from app.domains.releases import public as releases
from app.domains.releases.contracts import CertifyUser
from app.domains.releases.service import certificates
from app.shared.authz.actor import SYSTEM
from app.shared.pki import LocalAuthority, SshCredential
from devstack.keys import ensure_authorities
from tests.domains.releases.machines import a_machine

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)
ALLOCATION = UUID(int=1)


@pytest.fixture
def authority(tmp_path) -> LocalAuthority:
    ensure_authorities(tmp_path / "pki")
    return LocalAuthority(tmp_path / "pki")


def decoded(certificate: str) -> asyncssh.SSHCertificate:
    return asyncssh.import_certificate(certificate)


def fields(credential: SshCredential) -> dict[str, object]:
    """What the certificate itself says, not what we say of it."""
    found = decoded(credential.certificate)
    return {
        "principals": list(found.principals),
        "options": dict(found.options),
        "from": found._valid_after,
        "to": found._valid_before,
    }


def test_a_user_certificate_opens_one_account_of_one_machine_for_minutes(authority) -> None:
    credential = certificates.mint_user_certificate(authority, ALLOCATION, "ada", NOW, timedelta(minutes=5))
    said = fields(credential)
    assert said["principals"] == [f"alloc:{ALLOCATION}:ada"]
    assert said["options"] == {"permit-pty": True}
    assert said["from"] == int(NOW.timestamp()) - 60
    assert said["to"] == int(NOW.timestamp()) + 300


def test_a_management_certificate_has_no_terminal_and_one_machine(authority) -> None:
    said = fields(certificates.mint_management_certificate(authority, "n1abcd", NOW))
    assert said["principals"] == ["berth-mgmt:n1abcd"]
    assert said["options"] == {}


def test_every_certificate_has_a_key_and_a_serial_of_its_own(authority) -> None:
    minted = [
        certificates.mint_user_certificate(authority, ALLOCATION, "ada", NOW, timedelta(minutes=5)) for _ in range(20)
    ]
    assert len({credential.serial for credential in minted}) == 20
    assert len({credential.public_key for credential in minted}) == 20
    assert all(0 < credential.serial < 2**63 for credential in minted)


def test_users_and_machines_are_signed_by_different_authorities(authority) -> None:
    user = certificates.mint_user_certificate(authority, ALLOCATION, "ada", NOW, timedelta(minutes=5))
    host = authority.issue_host("berth-x", ("node-01", "n1abcd"), NOW, NOW + timedelta(days=1))
    user_signer = decoded(user.certificate).signing_key.export_public_key().decode().split()[1]
    host_signer = decoded(host.certificate).signing_key.export_public_key().decode().split()[1]
    assert user_signer == authority.user_ca_public.split()[1]
    assert host_signer == authority.host_ca_public.split()[1]
    assert user_signer != host_signer


def test_a_certificate_without_a_principal_would_open_everything_and_is_refused(authority) -> None:
    for principals in ((), ("",)):
        with pytest.raises(ValueError, match="principal"):
            authority.issue_user("x", principals, NOW, NOW, permit_pty=True)
        with pytest.raises(ValueError, match="principal"):
            authority.issue_host("x", principals, NOW, NOW)


def test_private_keys_do_not_show_in_logs(authority) -> None:
    credential = certificates.mint_user_certificate(authority, ALLOCATION, "ada", NOW, timedelta(minutes=5))
    host = authority.issue_host("x", ("node-01",), NOW, NOW + timedelta(days=1))
    assert "PRIVATE" not in repr(credential) + str(credential) + repr(host)


async def test_a_certified_key_is_remembered_by_its_public_half_only(runtime) -> None:
    ensure_authorities(runtime.settings.pki_dir)
    command = CertifyUser(machine=a_machine(), user_id=uuid4())
    async with runtime.context(SYSTEM) as ctx:
        credential = (await releases.login_target(ctx, command)).credential
        row = (await ctx.session.execute(text("SELECT * FROM releases.allocation_ssh_public_keys"))).one()
    assert row.serial == credential.serial
    assert row.public_key == credential.public_key
    assert row.principal == f"alloc:{command.machine.allocation_id}:ada"
    assert not any("PRIVATE" in str(value) for value in row)
    assert row.valid_to - row.valid_from == timedelta(minutes=6)
