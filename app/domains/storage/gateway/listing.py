"""Listings of the store: one odd record never spoils the others.

The SDK reads a page as a whole, and one number that is none would cost all of it. So each record of a page is looked at
before the SDK reads it: what is not needed is left out; a field that cannot be read counts as absent, or the record is
passed over when something is decided on it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

import msgspec
from botocore.utils import parse_timestamp

from app.shared.records import Unread

NAMED = 100  # characters of a key that operators are shown


class Listing(msgspec.Struct, frozen=True):
    """One kind: what its records are called, what is needed of them, and what of that something is decided on."""

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
# What a page says about itself: where the next one begins, and how its keys are written.
ABOUT: Mapping[str, Callable[[str], object]] = {
    "IsTruncated": str,
    "EncodingType": str,
    "NextContinuationToken": str,
    "NextKeyMarker": str,
    "NextUploadIdMarker": str,
    "NextPartNumberMarker": int,
}


def readable(operation: str, body: bytes) -> tuple[bytes, list[Unread]]:
    """The page with the records that can be read, and those that were passed over. Raises ParseError."""
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
    """Leave what can be read and is needed; why that is not enough, if so."""
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
    """What was passed over since it was last asked, by kind of listing. Hangs on a client's events."""

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
        """What was passed over; told once."""
        taken, self._unread = self._unread, []
        return taken
