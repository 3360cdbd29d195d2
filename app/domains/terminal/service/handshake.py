"""Who speaks on a link: the terminal host and a web process prove to each other that they hold the installation's key.

1. Host: `Hello`, its name and a nonce of 32 random bytes.
2. Web: `Connect`, the name that it expects, a nonce of its own, the actor and the ticket; then a proof over both.
3. Host: `Welcome` with its proof over both, or why it takes no new shell.

A proof is HMAC-SHA-256 under a key derived from `BERTH_SECRET_KEY`, one purpose for each side, so that none can be sent
back; the nonces make it worth nothing on another connection. Nothing secret is sent. It proves who connects, and does
not encrypt: links stay on one computer or inside a private network.
"""

import asyncio
import secrets

import msgspec

from app.domains.terminal.contracts import Ticket
from app.domains.terminal.service.attachment import SocketGone
from app.domains.terminal.service.link import Link
from app.shared.authz import Actor
from app.shared.crypto import authenticate, same

HANDSHAKE_SECONDS = 3.0
NONCE_BYTES = 32
WEB, HOST = "terminal link: web", "terminal link: host"


class NotTheHost(Exception):
    """Another terminal host answers at this address, or somebody who does not hold our key."""


class Refused(Exception):
    """This host takes no new shell."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    nonce: bytes


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """What a web process asks for. It has authenticated the actor and used the ticket up."""

    host: str
    nonce: bytes
    actor: Actor
    ticket: Ticket


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    proof: bytes
    draining: bool = False


_encode = msgspec.msgpack.encode


async def greeted_by(link: Link) -> tuple[Hello, bytes]:
    """The host's first frame, unproven. Raises NotTheHost, SocketGone or TimeoutError."""
    raw = await _binary(link)
    try:
        return msgspec.msgpack.decode(raw, type=Hello), raw
    except ValueError as error:  # also of text that is no UTF-8, which msgspec lets through
        raise NotTheHost from error


async def connect(link: Link, greeting: bytes, secret_key: str, host: str, actor: Actor, ticket: Ticket) -> None:
    """The web's side, after the greeting: settled when it returns. Raises NotTheHost, Refused, SocketGone or
    TimeoutError."""
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        asked = _encode(Connect(host=host, nonce=secrets.token_bytes(NONCE_BYTES), actor=actor, ticket=ticket))
        await link.send(asked)
        await link.send(authenticate(secret_key, greeting + asked, WEB))
        try:
            welcome = msgspec.msgpack.decode(await _binary(link), type=Welcome)
        except ValueError as error:
            raise NotTheHost from error
    if not same(welcome.proof, authenticate(secret_key, greeting + asked, HOST)):
        raise NotTheHost
    if welcome.draining:
        raise Refused


async def accept(link: Link, secret_key: str, host: str, *, draining: bool) -> Connect | None:
    """The host's side: what a web process of ours asks for; None when it is none of ours, or is refused. Raises
    SocketGone or TimeoutError."""
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        greeting = _encode(Hello(host=host, nonce=secrets.token_bytes(NONCE_BYTES)))
        await link.send(greeting)
        asked, proof = await _binary(link), await _binary(link)
        if not same(proof, authenticate(secret_key, greeting + asked, WEB)):
            return None
        request = msgspec.msgpack.decode(asked, type=Connect)
        refused = draining and request.ticket.terminal_id is None
        await link.send(_encode(Welcome(proof=authenticate(secret_key, greeting + asked, HOST), draining=refused)))
    return None if refused or request.host != host else request


async def _binary(link: Link) -> bytes:
    frame = await link.receive()
    if isinstance(frame, str):
        raise SocketGone
    return frame
