"""The one place that accepts the path of a stored file. What it gives back is a type that nothing else can make.

A path names a row of a table and a place on somebody's screen, never a file of ours or a key in the bucket. It is still
checked as if it were, because people download it to computers where it becomes one. A path is taken literally: nothing
is decoded, resolved or repaired. Whatever would mean something else to the next program is refused, with the reason in
words; so is a name that is not in Unicode NFC, because one name typed on two keyboards is one file. (Our page and our
command compose the names of computers that keep them decomposed.)
"""

import re
import unicodedata
from typing import NewType
from urllib.parse import unquote_to_bytes

from app.shared.errors import ValidationFailed

StoragePath = NewType("StoragePath", str)  # of a file: at least one segment
FolderPath = NewType("FolderPath", str)  # of a folder; "" is the top

MAX_BYTES, MAX_SEGMENT_BYTES = 1024, 255
TOP = FolderPath("")
# Format characters that scripts and emoji need: joiners, and the Arabic signs that stand before a number.
_JOINERS = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
_REFUSED_CATEGORIES = {
    "Cc": "control characters",
    "Cf": "invisible or direction-changing characters",
    "Cs": "half of a character",
    "Zl": "line separators",
    "Zp": "paragraph separators",
}
_OVERLONG = re.compile(rb"[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]")
_WIDE_ESCAPE = re.compile(r"%u([0-9a-fA-F]{4})")
_SLASHES = "/\\\u2215\u2216"  # the last two are what some servers turn into the first two
_DECODINGS = 4  # how often encoded is looked into encoded


class BadPath(ValueError):
    """The text is no path of ours; `str()` is the reason, for people."""


def parse(raw: str) -> StoragePath:
    """The path of a file. Raises BadPath."""
    _check_whole(raw)
    for segment in raw.split("/"):
        _check_segment(segment)
    _check_encoded(raw)
    return StoragePath(raw)


def checked(raw: str, field: str = "path") -> StoragePath:
    """`parse` for use cases. Raises ValidationFailed that names the field."""
    try:
        return parse(raw)
    except BadPath as reason:
        raise ValidationFailed(fields={field: f"This path cannot be used: {reason}"}) from reason


def checked_folder(raw: str, field: str = "folder") -> FolderPath:
    """A folder as somebody typed it; empty for the top. Raises ValidationFailed that names the field."""
    return FolderPath(checked(raw, field)) if raw else TOP


def split(path: StoragePath) -> tuple[FolderPath, str]:
    """The folder that a path is in, and its last segment."""
    folder, _, name = path.rpartition("/")
    return FolderPath(folder), name


def ancestors(folder: FolderPath) -> list[FolderPath]:
    """The folder and all above it but the top, outermost first: `a/b` -> `a`, `a/b`."""
    parts = folder.split("/") if folder else []
    return [FolderPath("/".join(parts[: count + 1])) for count in range(len(parts))]


def is_inside(folder: str, outer: FolderPath) -> bool:
    """Whether `folder` is `outer` or below it."""
    return outer == TOP or folder == outer or folder.startswith(outer + "/")


def _check_whole(path: str) -> None:
    if not path:
        raise BadPath("it is empty")
    try:
        size = len(path.encode())
    except UnicodeEncodeError as error:
        raise BadPath("it holds half of a character") from error
    if size > MAX_BYTES:
        raise BadPath(f"it is longer than {MAX_BYTES} bytes")
    if not unicodedata.is_normalized("NFC", path):
        raise BadPath("its letters are not composed (Unicode NFC)")
    if "\\" in path:
        raise BadPath("it holds a backslash; folders are divided by /")
    if path.startswith("/"):
        raise BadPath("it begins with /")
    for character in path:
        _check_character(character)


def _check_character(character: str) -> None:
    kind = _REFUSED_CATEGORIES.get(unicodedata.category(character))
    if kind is not None and character not in _JOINERS:
        raise BadPath(f"it holds {kind} (U+{ord(character):04X})")
    if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
        raise BadPath(f"it holds what is no character (U+{ord(character):04X})")


def _check_segment(segment: str) -> None:
    if not segment:
        raise BadPath("one of its parts is empty: // or a / at the end")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise BadPath(f"one of its parts is longer than {MAX_SEGMENT_BYTES} bytes")
    if segment != segment.strip():
        raise BadPath("one of its parts begins or ends with a space")
    _check_meaning(segment)
    if segment.endswith("."):
        raise BadPath("one of its parts ends with a dot")


def _check_meaning(segment: str) -> None:
    """A name must not become another place, also not for a program that folds look-alikes (NFKC)."""
    folded = unicodedata.normalize("NFKC", segment)
    if not folded.strip(". "):
        raise BadPath("one of its parts is only dots")
    if any(slash in folded for slash in _SLASHES):
        raise BadPath("it holds a character that other programs read as a slash")


def _check_encoded(path: str) -> None:
    """What a program that decodes percent signs would make of it must be a harmless name, too."""
    text = path
    for _ in range(_DECODINGS):
        if "%" not in text:
            return
        raw = unquote_to_bytes(_WIDE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).encode("utf-8", "replace"))
        if _OVERLONG.search(raw):
            raise BadPath("it holds a percent-encoded overlong character")
        decoded = raw.decode("utf-8", "replace")
        if decoded == text:
            return
        _check_decoded(decoded, text.count("/"))
        text = decoded


def _check_decoded(decoded: str, slashes: int) -> None:
    if decoded.count("/") != slashes or "\\" in decoded:
        raise BadPath("it holds a percent-encoded slash")
    if any(unicodedata.category(character) == "Cc" for character in decoded):
        raise BadPath("it holds percent-encoded control characters")
    for segment in decoded.split("/"):
        _check_meaning(segment)
