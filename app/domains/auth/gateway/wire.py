"""One request to a provider: bounded in time and size, no redirect, JSON whatever its media type says."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache

import httpx2
import msgspec

from app.domains.auth.errors import Cause, IssuerUnavailable
from app.domains.auth.rules.claims import word_of
from app.shared.records import UNREADABLE

SECONDS = 10.0
TIMEOUT = httpx2.Timeout(5.0)
LARGEST = 4_000_000  # characters of an answer


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`said` is None for what is no JSON."""

    status: int
    said: object

    @property
    def error(self) -> str:
        """The error code of RFC 6749 §5.2, as a word that may be logged."""
        code = self.said.get("error") if isinstance(self.said, dict) else None
        return word_of(code)

    @property
    def refuses_client(self) -> bool:
        """Whether it was not believed who we are."""
        return self.status == 401 or self.error in ("invalid_client", "unauthorized_client")


async def ask(
    method: str, address: str, *, form: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Any answer below 500. Raises IssuerUnavailable for the rest, naming the kind of fault: never what was sent."""
    try:
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(timeout=TIMEOUT, verify=_trusted()) as client:
            sent = {"accept": "application/json", **(headers or {})}
            if form is not None:
                sent["content-type"] = "application/x-www-form-urlencoded"
            async with client.stream(method, address, content=form, headers=sent) as response:
                status, body = response.status_code, bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem="the answer has no end")
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, UnicodeError) as error:
        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem=type(error).__name__) from error
    if status >= 500 or status == 429:
        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, status=status)
    return Answer(status=status, said=_json(bytes(body)))


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we believe who they are: read once, which takes as long as a request."""
    return httpx2.create_ssl_context()


async def read(address: str) -> object:
    """A public document. Raises IssuerUnavailable for everything but a 200 with JSON."""
    answer = await ask("GET", address)
    if answer.status != 200 or answer.said is None:
        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, status=answer.status, problem="no JSON was answered")
    return answer.said


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except UNREADABLE:
        return None
