"""The API of S3. It takes keys, sizes and digests, never user input.

Requests run in a few threads, because the SDK blocks, and never inside a transaction. Signing an address is arithmetic
and needs neither. There are two endpoints, one for Berth and one for browsers, because a signature covers the host.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from app.domains.storage.errors import StorageUnavailable, UploadMismatch
from app.domains.storage.gateway.listing import SkippedRecords
from app.domains.storage.rules.content import OCTETS, disposition
from app.settings import S3Settings
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction

log = structlog.get_logger("berth.storage")
T = TypeVar("T")

THREADS = 8
CONNECT_SECONDS, READ_SECONDS = 3, 60
SIGNED_SECONDS = 60  # to start sending a part; S3 refuses it earlier once the upload is finished or canceled
SIGNED_READ_SECONDS = 5  # of an address to read from, which is used at once because it cannot be revoked
CHUNK = 1 << 20
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchBucket"})
_DIFFERENT = frozenset({"InvalidPart", "InvalidPartOrder", "BadDigest", "InvalidRequest", "EntityTooSmall"})


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the bucket holds under a key."""

    key: str
    size: int
    sha256: str | None = None
    changed_at: datetime | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an unfinished upload, as the bucket has it."""

    number: int
    size: int
    etag: str


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished upload at S3."""

    key: str
    id: str
    started_at: datetime | None


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is valid until it expires or its upload ends; `headers` must be sent exactly."""

    url: str
    headers: dict[str, str]
    expires_in: int


class Bucket:
    """One per process. Methods that send requests raise StorageUnavailable when S3 is unavailable."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings.s3
        self._bucket = settings.bucket
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")
        self._client = _client(settings, settings.url)
        self._signer = _client(settings, settings.public_url)
        self.skipped = SkippedRecords(self._client)

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()
        self._signer.close()

    # -- addresses: no request is made --

    def sign_part(self, key: str, upload_id: str, number: int, size: int, sha256: str) -> Signed:
        """An address for exactly these bytes of one upload: S3 refuses another length or digest, and everything once
        the upload has ended. S3 stores no header of a part; the headers of the object are those of `open_upload`."""
        wanted = {"UploadId": upload_id, "PartNumber": number, "ContentLength": size, "ChecksumSHA256": sha256}
        url = self._sign("upload_part", SIGNED_SECONDS, Key=key, **wanted)
        return Signed(url=url, headers={"x-amz-checksum-sha256": sha256}, expires_in=SIGNED_SECONDS)

    def sign_get(self, key: str, content_type: str, name: str) -> str:
        """An address to read one object for seconds, served with our headers and not as it was uploaded. It is an
        attachment: a browser that follows it saves the file; an `<img>` ignores that."""
        shown = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition(name)}
        return self._sign("get_object", SIGNED_READ_SECONDS, Key=key, **shown)

    def _sign(self, operation: str, seconds: int, **wanted: object) -> str:
        params = {"Bucket": self._bucket, **wanted}
        return str(self._signer.generate_presigned_url(operation, Params=params, ExpiresIn=seconds))

    # -- requests --

    async def open_upload(self, key: str) -> str:
        """Open an upload and return its id at S3. The store serves every file as octets."""
        wanted = {"ContentType": OCTETS, "ChecksumAlgorithm": "SHA256"}
        answer = await self._call("create_multipart_upload", Key=key, **wanted)
        return str(answer["UploadId"])

    async def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """The parts that have arrived, by number; empty when S3 does not know the upload. A part that was sent twice
        with different bytes is left out, because it is unknown which one counts."""
        found: dict[int, Part] = {}
        twice: set[int] = set()
        marker = 0
        while True:
            answer = await self._find("list_parts", Key=key, UploadId=upload_id, PartNumberMarker=marker)
            for entry in (answer or {}).get("Parts", ()):
                part = Part(number=int(entry["PartNumber"]), size=int(entry["Size"]), etag=str(entry["ETag"]))
                if found.setdefault(part.number, part).etag != part.etag:
                    twice.add(part.number)
            if not answer or not answer.get("IsTruncated"):
                return [found[number] for number in sorted(found) if number not in twice]
            next_page = int(answer.get("NextPartNumberMarker") or max(found, default=0))
            if next_page <= marker:
                return [found[number] for number in sorted(found) if number not in twice]
            marker = next_page

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[tuple[Part, str]]) -> str | None:
        """Join parts with their digests to the object. Returns its checksum if S3 does. Safe to repeat. Raises
        UploadMismatch when a digest differs."""
        listed = [{"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": digest} for part, digest in parts]
        try:
            answer = await self._find(
                "complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )
        except ClientError as error:
            raise UploadMismatch() from error
        return (answer or {}).get("ChecksumSHA256")

    async def drop_upload(self, key: str, upload_id: str) -> None:
        """Abort an unfinished upload. Safe to repeat."""
        await self._find("abort_multipart_upload", Key=key, UploadId=upload_id)

    async def stat(self, key: str) -> Stored | None:
        """Size and digest of an object; None when there is none."""
        answer = await self._find("head_object", Key=key, ChecksumMode="ENABLED")
        if answer is None:
            return None
        return Stored(key=key, size=int(answer["ContentLength"]), sha256=answer.get("ChecksumSHA256"))

    async def remove(self, keys: Sequence[str]) -> set[str]:
        """Delete objects. Safe to repeat. Returns the keys that S3 did not delete."""
        kept: set[str] = set()
        for start in range(0, len(keys), 500):
            listed = [{"Key": key} for key in keys[start : start + 500]]
            answer = await self._call("delete_objects", Delete={"Objects": listed, "Quiet": True})
            kept |= {str(e.get("Key")) for e in answer.get("Errors", ()) if str(e.get("Code")) not in _ABSENT}
        if kept:
            log.warning("s3 did not delete everything", count=len(kept))
        return kept

    async def head(self, key: str, count: int) -> bytes | None:
        """The first `count` bytes of an object; None when it does not exist."""
        answer = await self._find("get_object", Key=key, Range=f"bytes=0-{count - 1}")
        return None if answer is None else await self._run(answer["Body"].read, count)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The whole object in chunks of at most 1 MiB. Raises StorageUnavailable also when it does not exist."""
        answer = await self._call("get_object", Key=key)
        body = answer["Body"]
        try:
            while chunk := await self._run(body.read, CHUNK):
                yield chunk
        finally:
            body.close()

    async def list_objects(self, token: str = "") -> tuple[list[Stored], str | None]:
        """Up to a thousand objects in order of their keys, and the token of the next thousand."""
        next_page = {"ContinuationToken": token} if token else {}
        answer = await self._call("list_objects_v2", MaxKeys=1000, **next_page)
        found = [
            Stored(key=str(entry["Key"]), size=int(entry["Size"]), changed_at=entry.get("LastModified"))
            for entry in answer.get("Contents", ())
        ]
        next_token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
        return found, None if next_token == token else next_token

    async def list_uploads(self) -> AsyncIterator[list[Unfinished]]:
        """All unfinished uploads, page by page, in the order of S3."""
        after: dict[str, str] = {}
        while True:
            answer = await self._call("list_multipart_uploads", MaxUploads=1000, **after)
            yield [
                Unfinished(key=str(entry["Key"]), id=str(entry["UploadId"]), started_at=entry.get("Initiated"))
                for entry in answer.get("Uploads", ())
            ]
            marks = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
            next_page = {mark: str(answer[next_]) for mark, next_ in marks.items() if answer.get(next_)}
            if not answer.get("IsTruncated") or not next_page or next_page == after:
                return
            after = next_page

    # -- how --

    async def _find(self, operation: str, **wanted: object) -> dict[str, Any] | None:
        """The response, or None when the object does not exist."""
        try:
            return await self._ask(operation, **wanted)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise

    async def _call(self, operation: str, **wanted: object) -> dict[str, Any]:
        """The answer; that there is nothing is a failure, too."""
        try:
            return await self._ask(operation, **wanted)
        except ClientError as error:
            log.error("s3 refused", call=operation, code=_code(error))
            raise StorageUnavailable(retry_after=5) from error

    async def _ask(self, operation: str, **wanted: object) -> dict[str, Any]:
        refuse_open_transaction()
        call = partial(getattr(self._client, operation), Bucket=self._bucket, **wanted)
        answer: dict[str, Any] = await self._run(call)
        return answer

    async def _run(self, call: Callable[..., T], *arguments: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)
        except ClientError as error:
            if _code(error) in _ABSENT or _code(error) in _DIFFERENT:
                raise
            log.error("s3 refused", code=_code(error))
            raise StorageUnavailable(retry_after=5) from error
        except (BotoCoreError, OSError, ResponseParserError, ValueError) as error:
            log.warning("s3 did not answer as it should", error=type(error).__name__)
            raise StorageUnavailable(retry_after=5) from error


def _client(settings: S3Settings, url: str) -> Any:
    import boto3  # most processes never speak to S3, and this reads a good part of the SDK
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name="us-east-1",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=THREADS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
