"""SSH to machines: `dial` is the one place that connects. Domains say over a connection what they have to say, and none
of them sees the SSH library.

It refuses a machine that cannot prove its name by our own host authority, and to connect while a transaction is open.
"""

from app.shared.ssh.connection import Completed, SshConnection, Stream
from app.shared.ssh.dial import dial
from app.shared.ssh.errors import HostNotVerified, LoginRefused, SshError, SshRefused, SshUnreachable
from app.shared.ssh.shell import Listener, Shell
from app.shared.ssh.target import SshTarget

__all__ = [
    "Completed",
    "HostNotVerified",
    "Listener",
    "LoginRefused",
    "Shell",
    "SshConnection",
    "SshError",
    "SshRefused",
    "SshTarget",
    "SshUnreachable",
    "Stream",
    "dial",
]
