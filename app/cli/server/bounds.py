"""What a connection may ask of us before it has made a whole request, and who leaves when there are too many.

A client that owes us the rest of a head or of a body, or the next request, waits at our cost. So many of one address
may wait, and so many in all; the next one is let in and the oldest leaves, so that whoever asks a whole request is
answered even beside a flood from the same address. Trusted proxies stand for many people: only the sum binds them.
"""

import ipaddress
from collections import OrderedDict
from typing import Protocol

import msgspec


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, seconds and counts."""

    head_bytes: int = 64 * 1024  # request line and headers, or trailers
    headers: int = 100
    head_seconds: float = 10
    body_seconds: float = 20  # and one more for each `body_rate` bytes that came
    body_rate: int = 1000
    pipelined: int = 16  # whole requests that wait behind one that is being answered
    waiting_of_address: int = 128
    waiting: int = 1024
    linger_seconds: float = 1  # how long a refusal may take to be read before the connection is cut
    socket_backlog: int = 1024 * 1024  # bytes that a WebSocket's client may leave unread


class Waiting(Protocol):
    """A connection whose client owes us something."""

    def give_up(self) -> None: ...


class Census:
    """The connections that wait, oldest first, by address and in all. One per process; used in its loop only."""

    def __init__(self, bounds: Bounds, trusted: "Trusted") -> None:
        self._bounds = bounds
        self._trusted = trusted
        self._all: OrderedDict[Waiting, str] = OrderedDict()
        self._by_address: dict[str, OrderedDict[Waiting, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Waiting, host: str) -> None:
        """`connection` waits from now on; the oldest of its address, or of all, leaves when there are too many."""
        self.remove(connection)
        address = "" if host in self._trusted else network_of(host)
        self._all[connection] = address
        same = self._by_address.setdefault(address, OrderedDict())
        same[connection] = None
        if address and len(same) > self._bounds.waiting_of_address:
            self._evict(next(iter(same)))
        if len(self._all) > self._bounds.waiting:
            self._evict(next(iter(self._all)))

    def remove(self, connection: Waiting) -> None:
        """It waits no longer."""
        address = self._all.pop(connection, None)
        if address is None:
            return
        same = self._by_address[address]
        del same[connection]
        if not same:
            del self._by_address[address]

    def _evict(self, connection: Waiting) -> None:
        self.remove(connection)
        connection.give_up()


class Trusted(Protocol):
    def __contains__(self, host: str) -> bool: ...


def network_of(host: str) -> str:
    """Who an address counts as: itself, or the /64 that one customer of IPv6 has to themselves."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
