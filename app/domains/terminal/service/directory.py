"""Which terminal hosts there are and where: each says so in Valkey every few seconds, and is forgotten without.

The name of a host is `<address>:<port>/<random>`: rows of shells hold it, so that any web process finds the host of a
shell by its row alone. One that started anew has another name, even at the same address.
"""

import asyncio
import secrets

import msgspec
from redis.asyncio import Redis

from app.domains.terminal.service.attachment import SocketGone
from app.domains.terminal.service.handshake import NotTheHost, greeted_by
from app.domains.terminal.service.link import Link

HOSTS = "terminal:hosts"
LEASE_SECONDS = 15
CONNECT_SECONDS = 1.0
EQUAL = 8  # shells that make no difference: what a host says of itself is some seconds old


class HostGone(Exception):
    """The host has certainly ended: what it held is over."""


class HostUnreachable(Exception):
    """The host does not answer as ours do; it may live."""


class Lease(msgspec.Struct, frozen=True):
    """What a host says of itself."""

    shells: int


def new_name(address: str, port: int) -> str:
    """A name that no other host has or had."""
    return f"{address}:{port}/{secrets.token_hex(8)}"


def address_of(host: str) -> tuple[str, int]:
    """Where a host of this name listens. Raises ValueError for what is no name."""
    where, slash, _ = host.partition("/")
    address, colon, port = where.rpartition(":")
    if not slash or not colon:
        raise ValueError("not the name of a terminal host")
    return address, int(port)


def _key(host: str) -> str:
    return f"terminal:host:{host}"


async def announce(valkey: Redis, host: str, shells: int) -> None:
    """Say that this host takes shells. Raises RedisError or OSError."""
    async with valkey.pipeline(transaction=False) as pipe:
        pipe.set(_key(host), msgspec.json.encode(Lease(shells)), ex=LEASE_SECONDS)
        pipe.sadd(HOSTS, host)
        await pipe.execute()


async def withdraw(valkey: Redis, host: str) -> None:
    """Say that this host takes no more shells. Raises RedisError or OSError."""
    async with valkey.pipeline(transaction=False) as pipe:
        pipe.srem(HOSTS, host)
        pipe.delete(_key(host))
        await pipe.execute()


async def list_hosts(valkey: Redis) -> list[str]:
    """The hosts that take new shells, those with the fewest first. Raises RedisError or OSError."""
    members: set[bytes] = await valkey.smembers(HOSTS)  # type: ignore[assignment]  # nothing here decodes answers
    names = [member.decode() for member in members]
    if not names:
        return []
    found = dict(zip(names, await valkey.mget([_key(name) for name in names]), strict=True))
    if gone := [name for name, lease in found.items() if lease is None]:
        await valkey.srem(HOSTS, *gone)
    leases = {name: msgspec.json.decode(lease, type=Lease) for name, lease in found.items() if lease is not None}
    return sorted(leases, key=lambda name: (leases[name].shells // EQUAL, secrets.token_bytes(4)))


async def open_link(host: str) -> tuple[Link, bytes]:
    """A link to this host, not yet proven, and its greeting. Raises HostGone where nothing
    listens any more or another host does, HostUnreachable where nobody knows."""
    try:
        address, port = address_of(host)
        async with asyncio.timeout(CONNECT_SECONDS):
            _, link = await asyncio.get_running_loop().create_connection(Link, address, port)
    except (ConnectionRefusedError, ValueError) as error:  # or a row of when web processes held shells
        raise HostGone from error
    except (OSError, TimeoutError) as error:
        raise HostUnreachable from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            hello, greeting = await greeted_by(link)
    except (SocketGone, TimeoutError, NotTheHost) as error:
        link.abandon()
        raise HostUnreachable from error
    if hello.host != host:
        link.abandon()
        raise HostGone
    return link, greeting


async def is_gone(host: str) -> bool:
    """Whether this host has certainly ended, and its shells with it. One that does not answer in time may live."""
    try:
        link, _ = await open_link(host)
    except HostGone:
        return True
    except HostUnreachable:
        return False
    link.abandon()
    return False
