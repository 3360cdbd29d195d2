"""One WebSocket from handshake to close: `berth.terminal.v1`, spoken by the terminal host; web passes its frames on.

1. Handshake: sub-protocols `berth.terminal.v1, <token>`; only the first is echoed. Origin is the public URL, exactly.
2. Client: `attach` (text, JSON) with its size and the byte offset up to which it has the output, or null.
3. Server: `attached` with the offset at which the next binary frame begins, and how many bytes are gone for ever.
   Offsets then run on with the length of every binary frame; a later `attached` moves them.
4. Server binary: output. Client binary: input. Client text: `ack` (what is on the screen), `resize`, `pause`, `resume`,
   `pong`, `close`. Server text: `accepted` (input that the machine took), `ping`, `attached`, `closing` (seconds left),
   `ended` (last).
5. At most 64 KiB in a client's frame (1009), 1,000 frames a second (1008), 128 KiB of output unconfirmed. Who says
   nothing for 40 s is gone (4408); pings come every 15 s.
"""

import asyncio
import contextlib

import msgspec

from app.domains.terminal.contracts import Attach, Ended, Ticket
from app.domains.terminal.errors import ShellUnavailable
from app.domains.terminal.service.attachment import NORMAL, VIOLATION, SocketGone, Wire, decode_frame
from app.domains.terminal.service.host import host_of
from app.domains.terminal.service.shell import Shell, last_words
from app.shared.authz import Actor
from app.shared.context import Runtime
from app.shared.errors import DomainError, NotFound

ATTACH_SECONDS = 10.0

_encode = msgspec.json.Encoder()


async def serve(runtime: Runtime, actor: Actor, ticket: Ticket, wire: Wire) -> None:
    """Show the ticket's shell, or a new one, on this socket. Returns when the socket is closed."""
    try:
        first = await _first_frame(wire)
        if first is None:
            await wire.close(VIOLATION, "attach first")
            return
        try:
            shell = await _shell_for(runtime, actor, ticket, first)
        except DomainError as refusal:
            await _refuse(wire, refusal)
            return
        size, new = (first.cols, first.rows), ticket.terminal_id is None
        if not new:
            host_of(runtime).note_attached(shell)
        await shell.show(wire, ticket.session_id, first.offset, size, new=new)
    except SocketGone:
        return


async def _first_frame(wire: Wire) -> Attach | None:
    try:
        async with asyncio.timeout(ATTACH_SECONDS):
            frame = await wire.receive()
        decoded = decode_frame(frame) if isinstance(frame, str) and len(frame) < 1_000 else None
    except (TimeoutError, msgspec.DecodeError, msgspec.ValidationError):
        return None
    return decoded if isinstance(decoded, Attach) else None


async def _shell_for(runtime: Runtime, actor: Actor, ticket: Ticket, first: Attach) -> Shell:
    host = host_of(runtime)
    if ticket.terminal_id is None:
        return await host.open(actor, ticket, (first.cols, first.rows))
    shell = host.find(ticket.terminal_id)
    if shell is None or (shell.user_id, shell.allocation_id) != (ticket.user_id, ticket.allocation_id):
        raise NotFound("This shell has ended.")
    return shell


async def _refuse(wire: Wire, refusal: DomainError) -> None:
    """Say in words why there is no shell. What went wrong inside is in the log, not here."""
    if isinstance(refusal, ShellUnavailable):
        words = last_words(refusal.ending)
    else:
        again = "machines" if refusal.status in (403, 404) else "retry"
        words = Ended(code=refusal.code, reason=refusal.message, advice="", next=again)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await wire.send(_encode.encode(words).decode())
            await wire.close(NORMAL, "")
