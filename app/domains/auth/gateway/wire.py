"""HTTP requests to a provider: bounded in time and size, without redirects, parsed as JSON whatever the media type."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache

import httpx2
import msgspec

from app.domains.auth.errors import Cause, IssuerUnavailable
from app.domains.auth.rules.claims import error_code
from app.shared.records import UNREADABLE

SECONDS = 10.0
TIMEOUT = httpx2.Timeout(5.0)
MAX_RESPONSE = 4_000_000  # bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`document` is None when the body is not JSON."""

    status: int
    document: object

    @property
    def error(self) -> str:
        """The error code of RFC 6749 §5.2, safe to log."""
        code = self.document.get("error") if isinstance(self.document, dict) else None
        return error_code(code)

    @property
    def refuses_client(self) -> bool:
        """Whether our client authentication was refused."""
        return self.status == 401 or self.error in ("invalid_client", "unauthorized_client")


async def ask(
    method: str, address: str, *, form: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """The response, for statuses below 500. Raises IssuerUnavailable otherwise, with the kind of failure, never with
    what was sent."""
    try:
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(timeout=TIMEOUT, verify=_trusted()) as client:
            sent = {"accept": "application/json", **(headers or {})}
            if form is not None:
                sent["content-type"] = "application/x-www-form-urlencoded"
            async with client.stream(method, address, content=form, headers=sent) as response:
                status, body = response.status_code, bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_RESPONSE:
                        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem="the response is too large")
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, UnicodeError) as error:
        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem=type(error).__name__) from error
    if status >= 500 or status == 429:
        raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, status=status)
    return Answer(status=status, document=_json(bytes(body)))


@cache
def _trusted() -> ssl.SSLContext:
    """The trusted certificates, read once because that takes as long as a request."""
    return httpx2.create_ssl_context()


async def read(address: str) -> object:
    """A public document. Raises IssuerUnavailable for everything but a 200 with JSON."""
    answer = await ask("GET", address)
    if answer.status != 200 or answer.document is None:
        raise IssuerUnavailable(
            cause=Cause.PROVIDER_UNREACHABLE, status=answer.status, problem="the response is not JSON"
        )
    return answer.document


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except UNREADABLE:
        return None
