"""A socket that only the server speaks on, as the server process hands it over: no task and no queue of its own.

Whoever takes it writes frames that are made once for all, so that what goes to thousands is encoded once.
"""

from collections.abc import Callable
from typing import Protocol

EXTENSION = "berth.push"  # of the ASGI scope: a `Detachable`


class Push(Protocol):
    """One open WebSocket. Methods on one that is gone do nothing."""

    def send(self, frame: bytes) -> bool:
        """Write a whole frame; False when the client has not read what was written before."""
        ...

    def ping(self) -> bool:
        """Ask whether somebody is there; False when the last time was never answered."""
        ...

    def close(self, code: int, reason: str) -> None: ...


class Detachable(Protocol):
    """A WebSocket that may outlive its handler."""

    def detach(self, on_end: Callable[[], None]) -> Push:
        """Take it over, after the accept: it stays open when the handler returns. `on_end` is called once it is gone.
        What the client says is counted and otherwise ignored."""
        ...


def text_frame(data: bytes) -> bytes:
    """A text message of a server, as it goes over the wire (RFC 6455, 5.2)."""
    size = len(data)
    if size < 126:
        head = bytes((0x81, size))
    elif size < 1 << 16:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + size.to_bytes(8, "big")
    return head + data
