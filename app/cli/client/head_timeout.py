"""An end to waiting for the head of an answer. Each byte that comes begins the time-out of a read anew, so a server
that sends one now and then would be waited for without end.

The clock runs from the moment the request was sent to the end of the head; the body has a bound of its own.
"""

import socket
import threading
from contextlib import suppress
from typing import Any, Self

import httpx2

LONGEST_HEAD = 60.0  # seconds
WAITS = "receive_response_headers"


class HeadTimeout:
    """Hears what a client does (httpcore's trace) and hangs up when a head takes too long. One request at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._streams: list[Any] = []  # of the client's connections, which are used again
        self._timer: threading.Timer | None = None

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        """One step of the client: something was begun, completed or failed."""
        opened = info.get("return_value")
        if hasattr(opened, "get_extra_info"):
            self._streams.append(opened)
        if event.endswith(f"{WAITS}.started"):
            self.is_over = False
            self._timer = threading.Timer(self.seconds, self._hang_up)
            self._timer.daemon = True
            self._timer.start()
        elif WAITS in event and self._timer is not None:
            self._timer.cancel()

    def _hang_up(self) -> None:
        self.is_over = True
        for stream in self._streams:
            with suppress(OSError, ValueError):
                # Below TLS: what waits in another thread sees the end, and nothing of its state is touched.
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


class TimedClient:
    """A client for one server whose patience ends."""

    def __init__(self, client: httpx2.Client, *, head_seconds: float = LONGEST_HEAD) -> None:
        self._client = client
        self.head_timeout = HeadTimeout(head_seconds)

    def begin(self, method: str, url: str, **parts: Any) -> httpx2.Request:
        """A request that tells how it goes. Raises what httpx2 raises for parts that cannot be sent."""
        return self._client.build_request(method, url, extensions={"trace": self.head_timeout}, **parts)

    def send(self, request: httpx2.Request) -> httpx2.Response:
        """The head of the answer; its body is still to be read."""
        return self._client.send(request, stream=True)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
