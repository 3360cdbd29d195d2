"""The one place that opens an SSH connection, and so the one policy for all of them.

A key and its certificate in memory are the only way to log in. Nothing of the surroundings is used (no agent, no
configuration, no known hosts of a person, no Kerberos), nothing is forwarded, nothing is compressed.
"""

import asyncio

import asyncssh
import structlog

from app.shared.db import refuse_open_transaction
from app.shared.ssh.connection import SshConnection
from app.shared.ssh.errors import HostNotVerified, LoginRefused, SshError, SshUnreachable
from app.shared.ssh.target import SshTarget
from app.shared.telemetry.spans import Kind, span

KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 10, 2  # a machine that is gone is noticed within 30 s

log = structlog.get_logger("berth.ssh")


async def dial(target: SshTarget) -> SshConnection:
    """Log in; whoever calls closes the connection. Raises HostNotVerified, LoginRefused or SshUnreachable."""
    refuse_open_transaction()
    try:
        with span("ssh connect", Kind.CLIENT):
            async with asyncio.timeout(target.connect_seconds):
                return SshConnection(await _connect(target))
    except (OSError, TimeoutError, asyncssh.Error) as error:
        reason = _reason(target, error)
        log.info(
            "a machine could not be logged in to",
            host=target.host_principal,
            login=target.login,
            reason=type(reason).__name__,
            error=type(error).__name__,
        )
        raise reason from error


async def _connect(target: SshTarget) -> asyncssh.SSHClientConnection:
    credential = target.credential
    key = asyncssh.import_private_key(credential.private_key)
    certificate = asyncssh.import_certificate(credential.certificate)
    return await asyncssh.connect(
        target.host,
        target.port,
        username=target.login,
        client_keys=[(key, certificate)],
        preferred_auth="publickey",
        known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {target.host_authority}\n"),
        host_key_alias=target.host_principal,
        config=None,
        agent_path=None,
        gss_host=None,
        agent_forwarding=False,
        x11_forwarding=False,
        compression_algs=["none"],
        login_timeout=target.connect_seconds,
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVE_COUNT,
    )


def _reason(target: SshTarget, error: Exception) -> SshError:
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
        return HostNotVerified(
            f"What answers in place of {target.host_principal} could not prove that it is that machine."
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return LoginRefused(f"The machine refused the login {target.login}.")
    return SshUnreachable("The machine does not answer right now.")
