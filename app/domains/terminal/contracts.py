"""Ids, tickets, and the frames between a browser and a shell. See service/relay.py for who says what when."""

from datetime import datetime
from typing import NewType
from uuid import UUID

import msgspec

TerminalId = NewType("TerminalId", UUID)
PROTOCOL = "berth.terminal.v1"


class OpenTerminal(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for a way in: to a shell that is there (`terminal_id`), or to a new one."""

    allocation_id: UUID
    terminal_id: UUID | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What one token stands for; kept under its hash for half a minute and used once."""

    user_id: UUID
    session_id: UUID
    allocation_id: UUID
    terminal_id: UUID | None
    host: str  # the terminal host that has the shell; empty for a new one
    origin: str


class TokenMinted(msgspec.Struct, frozen=True, kw_only=True):
    """`token` goes into the WebSocket's sub-protocol list and nowhere else; `url` is a path."""

    token: str
    url: str
    protocol: str = PROTOCOL


class RecordOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A shell is about to be opened for this ticket by this terminal host."""

    ticket: Ticket
    host: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    terminal_id: UUID
    allocation_id: UUID


class TerminalView(msgspec.Struct, frozen=True, kw_only=True):
    """One shell as its person sees it."""

    id: TerminalId
    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    user_id: UUID
    session_id: UUID
    host: str
    opened_at: datetime
    last_attached_at: datetime
    ended_at: datetime | None
    end_code: str | None


# -- frames: text frames hold one of these as JSON with a "type"; binary frames are bytes of the shell -----------------


class Attach(msgspec.Struct, frozen=True, tag="attach", tag_field="type"):
    """Client, first: its size and the offset up to which it has the output (null: none)."""

    cols: int
    rows: int
    offset: int | None = None


class Resize(msgspec.Struct, frozen=True, tag="resize", tag_field="type"):
    """Client: its window has another size now."""

    cols: int
    rows: int


class Ack(msgspec.Struct, frozen=True, tag="ack", tag_field="type"):
    """Client: everything before `offset` is on the screen."""

    offset: int


class Pause(msgspec.Struct, frozen=True, tag="pause", tag_field="type"):
    """Client: nobody looks; do not let me hold the shell back."""


class Resume(msgspec.Struct, frozen=True, tag="resume", tag_field="type"):
    """Client: somebody looks again."""

    offset: int


class Pong(msgspec.Struct, frozen=True, tag="pong", tag_field="type"):
    """Client: the answer to a ping."""


class Close(msgspec.Struct, frozen=True, tag="close", tag_field="type"):
    """Client: end the shell itself, not only this socket."""


FromClient = Attach | Resize | Ack | Pause | Resume | Pong | Close


class Attached(msgspec.Struct, frozen=True, tag="attached", tag_field="type"):
    """Server: the next binary frame begins at `offset`; `gap` bytes that the client has not seen are gone for ever.
    Where bytes are gone, the stream begins with a reset (ESC c) and the screen that they left, in place of the last of
    them. What comes before `end` was written earlier: a client must not let it ask the terminal anything."""

    terminal_id: UUID
    offset: int
    end: int
    gap: int
    new: bool


class Accepted(msgspec.Struct, frozen=True, tag="accepted", tag_field="type"):
    """Server: the machine took all input up to this many bytes of this socket."""

    bytes: int


class Ping(msgspec.Struct, frozen=True, tag="ping", tag_field="type"):
    """Server: say pong, or be taken for gone."""


class Closing(msgspec.Struct, frozen=True, tag="closing", tag_field="type"):
    """Server: the shell ends in so many seconds, because the process that holds it makes room for a new one."""

    seconds: int


class Ended(msgspec.Struct, frozen=True, tag="ended", tag_field="type"):
    """Server, last: why, in words, and what to do. `next`: reopen | sign_in | machines | retry | none."""

    code: str
    reason: str
    advice: str
    next: str


FromServer = Attached | Accepted | Ping | Closing | Ended
