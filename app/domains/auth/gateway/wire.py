"""HTTP requests to a provider: bounded in time and size, without redirects, parsed as JSON whatever the media type."""

import asyncio
from collections.abc import Mapping

import httpx2
import msgspec

from app.domains.auth.errors import Cause, IssuerUnavailable
from app.domains.auth.rules.claims import error_code
from app.shared.http_client import http_client
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


class IssuerClient:
    """Requests to one provider. Sign-ins are rare, so it keeps no connection between them."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = http_client(timeout=TIMEOUT, limits=limits)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(
        self, method: str, address: str, *, form: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The response, for statuses below 500. Raises IssuerUnavailable otherwise, with the kind of failure, never
        with what was sent."""
        try:
            async with asyncio.timeout(SECONDS):
                status, body = await self._send(method, address, form, headers or {})
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, UnicodeError) as error:
            raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem=type(error).__name__) from error
        if status >= 500 or status == 429:
            raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, status=status)
        return Answer(status=status, document=_json(body))

    async def read(self, address: str) -> object:
        """A public document. Raises IssuerUnavailable for everything but a 200 with JSON."""
        answer = await self.ask("GET", address)
        if answer.status != 200 or answer.document is None:
            raise IssuerUnavailable(
                cause=Cause.PROVIDER_UNREACHABLE, status=answer.status, problem="the response is not JSON"
            )
        return answer.document

    async def _send(self, method: str, address: str, form: str | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        sent = {"accept": "application/json", **headers}
        if form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        async with self._http.stream(method, address, content=form, headers=sent) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_RESPONSE:
                    raise IssuerUnavailable(cause=Cause.PROVIDER_UNREACHABLE, problem="the response is too large")
            return response.status_code, bytes(body)


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except UNREADABLE:
        return None
