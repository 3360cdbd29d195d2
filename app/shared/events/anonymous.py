"""Whether NATS takes somebody who has no password. Spoken by hand: its protocol is lines of text, and a client library
tries again and keeps what is refused."""

import asyncio
import json
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

SECONDS = 3
HELLO = {"verbose": False, "pedantic": False, "lang": "python", "version": "1", "protocol": 1}


async def takes_anybody(url: str) -> bool:
    """Connect without user and password. Raises OSError or TimeoutError when there is no answer."""
    parts = urlsplit(url)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
        try:
            info = json.loads((await reader.readline()).partition(b" ")[2] or b"{}")
            if parts.scheme == "tls" or info.get("tls_required"):
                await writer.start_tls(ssl.create_default_context(), server_hostname=parts.hostname)
            writer.write(b"CONNECT " + json.dumps(HELLO).encode() + b"\r\nPING\r\n")
            return await _is_answered(reader)
        except ValueError as error:
            raise ConnectionError("this is no NATS") from error
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _is_answered(reader: asyncio.StreamReader) -> bool:
    while line := await reader.readline():
        if line.startswith(b"PONG"):
            return True
        if line.startswith(b"-ERR"):
            return False
    raise ConnectionError("closed without a word")
