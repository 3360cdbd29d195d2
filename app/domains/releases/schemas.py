"""Wire shapes of people's SSH keys: JSON, forms and the struct of their page."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.releases.contracts import KeyView
from app.domains.releases.rules.public_keys import shown_kind
from app.shared.paging import cut_list
from app.web.show_code import ApiCall, call


class KeyBody(msgspec.Struct, kw_only=True):
    """`public_key`: the one line of a .pub file. Without a name the comment in it names the key."""

    public_key: str
    name: str = ""


class KeyForm(msgspec.Struct, kw_only=True):
    public_key: str
    name: str = ""


class RenameBody(msgspec.Struct, kw_only=True):
    name: str


class RenameForm(msgspec.Struct, kw_only=True):
    name: str
    version: int | None = None


class KeyAnswer(msgspec.Struct, kw_only=True):
    """One key; `machines` is how many running machines it opens, `last_used_at` null when no use is known."""

    id: UUID
    name: str
    algorithm: str
    bits: int
    fingerprint: str
    public_key: str
    created_at: datetime
    last_used_at: datetime | None
    machines: int
    version: int


class KeysAnswer(msgspec.Struct, kw_only=True):
    """One's keys, oldest first; pass `next_cursor` as `cursor` for the next page."""

    items: list[KeyAnswer]
    next_cursor: UUID | None


def key_answer(key: KeyView) -> KeyAnswer:
    """One key for programs."""
    return msgspec.convert(key, KeyAnswer, from_attributes=True)


def keys_answer(keys: Sequence[KeyView], cursor: UUID | None, limit: int) -> KeysAnswer:
    """A page for programs."""
    page = cut_list(keys, cursor, limit, lambda key: key.id)
    return KeysAnswer(items=[key_answer(key) for key in page.items], next_cursor=page.next_cursor)


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    key: KeyView
    kind: str


class KeysPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[KeyRow, ...]
    call: ApiCall
    min_rsa_bits: int


def keys_page(keys: Sequence[KeyView], min_rsa_bits: int) -> KeysPage:
    sample = KeyBody(public_key="ssh-ed25519 AAAA…", name="laptop")
    return KeysPage(
        rows=tuple(KeyRow(key=key, kind=shown_kind(key.algorithm, key.bits)) for key in keys),
        call=call("POST", "/api/v1/ssh-keys", sample, cli=("keys", "add", "laptop", "~/.ssh/id_ed25519.pub")),
        min_rsa_bits=min_rsa_bits,
    )
