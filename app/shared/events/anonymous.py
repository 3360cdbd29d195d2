"""Whether NATS takes somebody who has no password."""

import asyncio
from urllib.parse import urlsplit

from nats.aio.client import Client

SECONDS = 3


async def takes_anybody(url: str) -> bool:
    """Connect without user and password. Raises OSError or TimeoutError when there is no answer."""
    parts = urlsplit(url)
    heard: list[str] = []

    async def hear(error: Exception) -> None:
        heard.append(str(error).lower())

    client = Client()
    try:
        async with asyncio.timeout(SECONDS):
            await client.connect(
                parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
                allow_reconnect=False, max_reconnect_attempts=0, connect_timeout=SECONDS, error_cb=hear,
            )  # fmt: skip
        return True
    except Exception as error:
        if "authoriz" in f"{error} {heard}".lower() or "authentic" in f"{error} {heard}".lower():
            return False
        raise ConnectionError(type(error).__name__) from error
    finally:
        if client.is_connected:
            await client.close()
