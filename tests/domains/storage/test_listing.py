"""One odd record of the store's listings is passed over, counted and shown; it never spoils the others."""

from xml.etree import ElementTree

import pytest

from app.domains.storage.gateway.listing import readable
from app.shared.records import list_unread

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
GOOD = (
    "<Contents><Key>good</Key><LastModified>2026-11-30T08:00:00Z</LastModified><ETag>&quot;a&quot;</ETag>"
    "<Size>3</Size></Contents>"
)
SPOILED = [
    "<Contents/>",
    "<Contents><Key>a</Key></Contents>",
    "<Contents><Size>3</Size></Contents>",
    "<Contents><Key>a</Key><Size/></Contents>",
    "<Contents><Key>a</Key><Size>three</Size></Contents>",
    "<Contents><Key>a</Key><Size>-3</Size></Contents>",
    "<Contents><Key>a</Key><Size><Deep>3</Deep></Size></Contents>",
]
ODD = [  # what nothing is decided on
    "<Contents><Key>a</Key><Size>3</Size><LastModified>yesterday</LastModified></Contents>",
    "<Contents><Key>a</Key><Size>3</Size><Owner>nobody</Owner><RestoreStatus>x</RestoreStatus></Contents>",
    "<Contents><Size>3</Size><Key>a</Key><StorageClass><A/></StorageClass><New>field</New></Contents>",
    f"<Contents><Key>{'k' * 8_000}</Key><Size>3</Size><ETag>{'e' * 8_000}</ETag></Contents>",
]


def page(*records: str) -> bytes:
    return (
        f'<?xml version="1.0"?><ListBucketResult xmlns="{NAMESPACE}"><KeyCount>many</KeyCount>'
        f"<IsTruncated>false</IsTruncated>{''.join(records)}</ListBucketResult>"
    ).encode()


def keys(body: bytes) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(body).iter(f"{{{NAMESPACE}}}Key")]  # noqa: S314 - our own


@pytest.mark.parametrize("record", SPOILED)
def test_a_record_that_cannot_be_read_is_passed_over(record: str) -> None:
    body, unread = readable("ListObjectsV2", page(GOOD, record, GOOD))
    assert keys(body) == ["good", "good"]
    assert len(unread) == 1 and "cannot be read" in unread[0].problem


@pytest.mark.parametrize("record", ODD)
def test_a_field_that_nothing_is_decided_on_counts_as_absent(record: str) -> None:
    body, unread = readable("ListObjectsV2", page(GOOD, record))
    assert len(keys(body)) == 2 and unread == []


async def test_the_comparison_goes_on_past_odd_records_and_operators_see_them(shelf, runtime) -> None:
    from app.domains.storage.gateway.s3 import Bucket
    from app.domains.storage.service.compare import compare

    file = await shelf.put("a.bin", b"a" * 10)
    bucket = runtime.part(Bucket)

    def spoil(response_dict, **_more) -> None:
        body = response_dict["body"]
        assert b"</Size>" in body
        extra = b"<Contents><Key>odd/one</Key><Size>?</Size></Contents><KeyCount>x</KeyCount>"
        response_dict["body"] = body.replace(b"</ListBucketResult>", extra + b"</ListBucketResult>")

    bucket._client.meta.events.register_first("before-parse.s3.ListObjectsV2", spoil)
    report = await compare(runtime)
    assert report.objects_seen >= 1 and report.missing == 0
    assert "unread odd/one" in report.samples
    [seen] = await list_unread(runtime.valkey)
    assert (seen.source, seen.count, seen.samples[0].about) == ("Listings of the file store", 1, "odd/one")
    assert (await shelf.read(file)).status_code == 200
