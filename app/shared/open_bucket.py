"""Whether the store of files lists a bucket to somebody who has no key: one request by hand, signed by nobody."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

SECONDS = 3


async def lists_to_anybody(url: str, bucket: str) -> bool:
    """Ask for one name in the bucket. Raises OSError or TimeoutError when there is no answer."""
    parts = urlsplit(url)
    encrypted = parts.scheme == "https"
    port = parts.port or (443 if encrypted else 80)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=encrypted or None)
        try:
            lines = (f"GET /{bucket}?list-type=2&max-keys=1 HTTP/1.1", f"host: {parts.netloc}", "connection: close")
            writer.write("\r\n".join([*lines, "", ""]).encode())
            status = (await reader.readline()).split(b" ")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    if not status[0].startswith(b"HTTP/") or len(status) < 2:
        raise ConnectionError("this is no store of files")
    return status[1].startswith(b"2")
