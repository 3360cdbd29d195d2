"""Listings of the store: one invalid record never hides the others.

The SDK parses a page as a whole, so one invalid number would lose all of it. Each record is therefore checked before
the SDK parses it: fields that are not needed are removed, an unreadable field counts as absent, and a record whose
essential fields are unreadable is skipped.
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

import msgspec

from app.shared.records import Unread


def parse_timestamp(text: str) -> object:
    """An instant as the SDK reads it. Raises ValueError."""
    from botocore import utils  # a good part of the SDK

    return utils.parse_timestamp(text)


NAMED = 100  # characters of a key that are shown to operators


class Listing(msgspec.Struct, frozen=True):
    """One kind of listing: the name of its records, the fields that are needed, and those that are essential."""

    record: str
    fields: Mapping[str, Callable[[str], object]]
    essential: frozenset[str]


LISTINGS = {
    "ListObjectsV2": Listing(
        "Contents", {"Key": str, "Size": int, "LastModified": parse_timestamp}, frozenset({"Key", "Size"})
    ),
    "ListParts": Listing(
        "Part", {"PartNumber": int, "Size": int, "ETag": str}, frozenset({"PartNumber", "Size", "ETag"})
    ),
    "ListMultipartUploads": Listing(
        "Upload", {"Key": str, "UploadId": str, "Initiated": parse_timestamp}, frozenset({"Key", "UploadId"})
    ),
}
# The fields of a page itself: the position of the next one, and the encoding of its keys.
ABOUT: Mapping[str, Callable[[str], object]] = {
    "IsTruncated": str,
    "EncodingType": str,
    "NextContinuationToken": str,
    "NextKeyMarker": str,
    "NextUploadIdMarker": str,
    "NextPartNumberMarker": int,
}


def readable(operation: str, body: bytes) -> tuple[bytes, list[Unread]]:
    """The page with its readable records, and the records that were skipped. Raises ParseError."""
    listing = LISTINGS[operation]
    root = ElementTree.fromstring(body)  # noqa: S314 - from our own store; the SDK reads it with the same parser
    unread = []
    for child in list(root):
        name = _tag(child)
        if name == listing.record:
            if problem := _tidied(child, listing):
                unread.append(Unread(_text(child, listing)[:NAMED], problem))
                root.remove(child)
        elif name not in ABOUT or not _reads(ABOUT[name], child.text or ""):
            root.remove(child)
    return ElementTree.tostring(root), unread


def _tidied(record: ElementTree.Element, listing: Listing) -> str:
    """Keep the readable fields that are needed. Returns why the record is unusable, or an empty text."""
    seen: set[str] = set()
    for child in list(record):
        name = _tag(child)
        if name in listing.fields and name not in seen and _reads(listing.fields[name], child.text or ""):
            seen.add(name)
        else:
            record.remove(child)
    missing = sorted(listing.essential - seen)
    return f"cannot be read: {', '.join(missing)}" if missing else ""


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        value = read(text)
    except (ValueError, OverflowError, TypeError):
        return False
    return text != "" and not (isinstance(value, int) and value < 0)


def _text(record: ElementTree.Element, listing: Listing) -> str:
    first = next(iter(listing.fields))
    return next((child.text or "" for child in record if _tag(child) == first), "")


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


class SkippedRecords:
    """The records that were skipped since the last call of `take`. Registers with the events of a client."""

    def __init__(self, client: Any) -> None:
        self._unread: list[Unread] = []
        for operation in LISTINGS:
            client.meta.events.register(f"before-parse.s3.{operation}", self._look, unique_id=f"berth-{operation}")

    def _look(self, operation_model: Any, response_dict: dict[str, Any], **_more: object) -> None:
        if response_dict.get("status_code") != 200:
            return
        try:
            response_dict["body"], unread = readable(operation_model.name, response_dict["body"])
        except ElementTree.ParseError:
            return  # the SDK says so itself
        self._unread += unread

    def take(self) -> list[Unread]:
        """The skipped records; each is returned once."""
        taken, self._unread = self._unread, []
        return taken
