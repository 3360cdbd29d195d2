"""How a file is split into parts, and the checksum that follows from them."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from uuid import UUID

HEX = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
MIB = 1 << 20
SINGLE = 8 * MIB  # a file up to this size is sent in one piece
SMALLEST_PART = 8 * MIB  # S3 requires at least 5 MiB
GOAL, MAX_PARTS = 1_000, 10_000


def part_size(size: int) -> int | None:
    """Bytes of each part but the last; None for a file that is sent in one piece. Whole MiB and about a thousand parts
    at most, so a lost part is cheap to send again."""
    if size <= SINGLE:
        return None
    wanted = -(-size // GOAL)
    return max(SMALLEST_PART, -(-wanted // MIB) * MIB)


def part_count(size: int, each: int | None) -> int:
    """The number of parts of a file. `each` is None for a file that is sent in one piece."""
    return 1 if each is None else max(1, -(-size // each))


def size_of(number: int, size: int, each: int | None) -> int:
    """Bytes of part `number`, counted from 1. Raises ValueError for a part that the file does not have."""
    if not 1 <= number <= part_count(size, each):
        raise ValueError("no such part")
    return size if each is None else min(each, size - (number - 1) * each)


def is_sha256(text: str) -> bool:
    """Whether the text is a SHA-256 in the spelling that S3 compares: base64 of its 32 bytes."""
    return HEX.fullmatch(text) is None and sha256_of(text) == text


def sha256_of(text: str) -> str | None:
    """A SHA-256 in S3's spelling, from 64 hexadecimal digits or 44 characters of base64 (RFC 4648 §4); None for any
    other text."""
    if HEX.fullmatch(text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return text if len(raw) == 32 and base64.b64encode(raw).decode() == text else None


def composite(digests: Sequence[str]) -> str:
    """The checksum of a file in parts: the SHA-256 of the SHA-256s of its parts, and the number of parts."""
    whole = hashlib.sha256(b"".join(base64.b64decode(digest) for digest in digests)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(digests)}"


def key_of(project_id: UUID, object_id: UUID) -> str:
    """The key of an object in the bucket. It is made of ids only, never of user input, and never changes, even when the
    file is moved."""
    return f"{project_id}/{object_id}"


def ids_of(key: str) -> tuple[UUID, UUID] | None:
    """The ids in a key; None for a key that Berth did not make."""
    project, _, object_id = key.partition("/")
    try:
        found = UUID(project), UUID(object_id)
    except ValueError:
        return None
    return found if key_of(*found) == key else None


class Digest:
    """Computes the checksum of a file that is read once, in the form that the table stores."""

    def __init__(self, each: int | None) -> None:
        self._each = each
        self._now = hashlib.sha256()
        self._in_part = 0
        self._parts: list[str] = []

    def add(self, chunk: bytes) -> None:
        if self._each is None:
            self._now.update(chunk)
            return
        view = memoryview(chunk)
        while view:
            piece = view[: self._each - self._in_part]
            self._now.update(piece)
            self._in_part += len(piece)
            view = view[len(piece) :]
            if self._in_part == self._each:
                self._close_part()

    def text(self) -> str:
        """The checksum. Call it once, at the end."""
        if self._each is None:
            return base64.b64encode(self._now.digest()).decode()
        if self._in_part or not self._parts:
            self._close_part()
        return composite(self._parts)

    def _close_part(self) -> None:
        self._parts.append(base64.b64encode(self._now.digest()).decode())
        self._now, self._in_part = hashlib.sha256(), 0
