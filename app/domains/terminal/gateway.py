"""What the terminal says to a machine: a login shell in a PTY, please."""

from app.domains.terminal.errors import ShellUnavailable
from app.shared.ssh import HostNotVerified, Listener, LoginRefused, Shell, SshError, SshTarget, dial

TERM = "xterm-256color"


async def open_shell(target: SshTarget, listener: Listener, size: tuple[int, int]) -> Shell:
    """Log in and start the login shell in a PTY of `size` (columns, rows). Raises ShellUnavailable."""
    try:
        return await (await dial(target)).open_shell(listener, size, TERM)
    except HostNotVerified as error:
        raise ShellUnavailable("untrusted") from error
    except LoginRefused as error:
        raise ShellUnavailable("refused") from error
    except SshError as error:
        raise ShellUnavailable("unreachable") from error
