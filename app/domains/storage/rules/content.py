"""How a file is served. No uploaded file is ever run by a browser as a page of Berth or of the bucket."""

import re
from urllib.parse import quote

OCTETS = "application/octet-stream"
PREVIEW_BYTES = 256 * 1024
# RFC 9110 §8.3.1: type, subtype and parameters, on one line of ASCII
_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+/[A-Za-z0-9!#$%&'*+.^_`|~-]+([ \t]*;[\x20-\x7e\t]*)?")
LONGEST_TYPE = 255
_IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}
_PLAIN_NAME = re.compile(r"[^A-Za-z0-9._ -]")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def content_type(claimed: str) -> str | None:
    """The type to record: exactly what was claimed, octets when nothing was, None for a text that is no type. It is
    only a label: the store never serves a file with it."""
    if not claimed:
        return OCTETS
    return claimed if len(claimed) <= LONGEST_TYPE and _TYPE.fullmatch(claimed) else None


def image_type(name: str) -> str | None:
    """The type of an image, by the extension of its name; None for other files. It is only used as the source of an
    `<img>`, where an SVG runs no script."""
    return _IMAGES.get(name.rpartition(".")[2].lower())


def disposition(name: str) -> str:
    """`Content-Disposition` of an attachment of any name: RFC 6266, with a plain form for old programs and RFC 8187 for
    the rest. An uploaded file is never `inline`."""
    plain = _PLAIN_NAME.sub("_", name).strip() or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def as_text(head: bytes, complete: bool) -> tuple[str, str] | None:
    """The start of a file as text, and the name of its encoding; None for a binary file. An incomplete last character
    is left out."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _decode(head, encoding, complete)
    if b"\x00" in head:
        return None
    return _decode(head, "utf-8", complete) or _decode_single(head)


def _decode(head: bytes, encoding: str, complete: bool) -> tuple[str, str] | None:
    for cut in range(1 if complete else 4):
        try:
            text = head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return (text, encoding.removesuffix("-sig").upper()) if _is_readable(text) else None
    return None


def _decode_single(head: bytes) -> tuple[str, str] | None:
    text = head.decode("latin-1")
    return (text, "Latin-1") if _is_readable(text) else None


def _is_readable(text: str) -> bool:
    """Binary data has control characters everywhere; a log with colours has some."""
    odd = sum(
        1
        for character in text
        if (ord(character) < 32 or 127 <= ord(character) < 160) and character not in "\t\n\r\f\x1b"
    )
    return odd * 20 <= len(text)
