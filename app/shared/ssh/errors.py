"""The one set of errors of SSH. Each text is a sentence that may be shown to a person; domains map them to their own
codes."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh


class SshError(Exception):
    """Something went wrong with a machine."""


class SshUnreachable(SshError):
    """No answer, or a connection that broke: nobody knows how the machine is."""


class SshRefused(SshError):
    """The machine answered, and not as it should."""


class HostNotVerified(SshRefused):
    """What answers at the address has no host certificate of our authority for that name. Nothing was sent to it."""


class LoginRefused(SshRefused):
    """The machine is the right one, and does not let this login in with this certificate."""


@contextmanager
def unreachable_when_broken() -> Iterator[None]:
    """Raises SshUnreachable for whatever breaks, or does not come in time, on an open connection."""
    try:
        yield
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise SshUnreachable("The connection to the machine broke.") from error
