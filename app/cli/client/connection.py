"""HTTP with one server: through the right proxy, within bounds of time and size, with the true cause when it fails.

Everything that a socket, TLS, a name or a proxy can do wrong leaves here as Failure. Redirects are not followed: an
access token goes to the server that was named, and to no other.
"""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.cli.client.address import proxy_for
from app.cli.client.exits import Exit, Failure
from app.cli.client.head_timeout import TimedClient

TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
LONGEST_ANSWER = 120.0  # seconds for a whole answer, however slowly its bytes come
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes, unpacked


@dataclass(frozen=True)
class Answer:
    """A whole answer of a server. `where` names it in sentences, such as `https://berth.example.com`."""

    status_code: int
    headers: httpx2.Headers
    content: bytes
    where: str

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The JSON in it. Raises Failure when it holds something else."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise self.foreign(f"sent {self._kind()}, not JSON") from error

    def foreign(self, problem: str) -> Failure:
        """It answers, but not as Berth does."""
        message = f"{self.where} does not answer as Berth does: it {problem} (status {self.status_code})."
        return Failure(message, Exit.UNEXPECTED, "Check the address (--url or BERTH_URL).", code="foreign_answer")

    def _kind(self) -> str:
        if not self.content:
            return "nothing"
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return "broken or cut JSON" if kind.endswith("json") else f"a page ({kind[:60]})" if kind else "something"


class NotReached(Failure):
    """No answer came. `again` says whether the same request may be sent once more."""

    def __init__(self, message: str, *, again: bool, fix: str = "Check the address (--url or BERTH_URL).") -> None:
        super().__init__(message, Exit.UNAVAILABLE, fix, code="not_reached")
        self.again = again


def open_client(url: str, *, timeout: httpx2.Timeout = TIMEOUT, **headers: str) -> TimedClient:
    """A client for the server at `url`. Raises Failure where proxy or certificates of the environment are of no use."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    proxy = proxy_for(url)
    is_secure = url.startswith("https:") or (proxy or "").startswith("https:")
    try:
        verify = (
            httpx2.create_ssl_context() if is_secure else False
        )  # reading the authorities takes a tenth of a second
    except OSError as error:
        message = (
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be used: {error.strerror or error}."
        )
        raise Failure(message, Exit.USAGE) from error
    client = httpx2.Client(timeout=timeout, headers=named, proxy=proxy, trust_env=False, verify=verify)
    return TimedClient(client)


def exchange(client: TimedClient, method: str, url: str, *, largest: int = 0, where: str = "", **parts: Any) -> Answer:
    """One request and its whole answer. Raises Failure, NotReached."""
    where, largest = where or origin_of(url), largest or LARGEST_ANSWER
    with streamed(client, method, url, where=where, **parts) as answer:
        content, until = bytearray(), time.monotonic() + LONGEST_ANSWER
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > largest:
                message = f"{where} sent more than {largest // 1024 // 1024} MiB, which is more than can be read."
                raise Failure(message, Exit.UNEXPECTED)
            if time.monotonic() > until:
                message = f"{where} did not finish its answer within {LONGEST_ANSWER:.0f} s."
                raise NotReached(message, again=False)
        return Answer(answer.status_code, answer.headers, bytes(content), where)


@contextmanager
def streamed(client: TimedClient, method: str, url: str, *, where: str = "", **parts: Any) -> Iterator[httpx2.Response]:
    """One request and its answer piece by piece. Raises Failure, NotReached."""
    where = where or origin_of(url)
    try:
        request = client.begin(method, url, **parts)
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise unsendable(error) from error
    try:
        answer = client.send(request)
        try:
            yield answer
        finally:
            answer.close()
    except httpx2.InvalidURL as error:
        raise Failure(f"{where} is no address of a server.", Exit.USAGE) from error
    except httpx2.RequestError as error:
        if client.head_timeout.is_over:
            message = f"{where} did not begin its answer within {client.head_timeout.seconds:.0f} s."
            raise NotReached(message, again=False) from error
        raise not_reached(error, where) from error


def unsendable(error: Exception) -> Failure:
    """What was given cannot be put into a request."""
    if isinstance(error, UnicodeError):
        return Failure("A word holds bytes that are no text (UTF-8).", Exit.USAGE)
    return Failure("What was given cannot be sent: it is no address, or no value that JSON knows.", Exit.USAGE)


def origin_of(url: str) -> str:
    """Scheme, host and port: what may be said of an address that holds a signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "another address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def not_reached(error: httpx2.RequestError, where: str) -> NotReached:
    """The cause in words, from the innermost exception that says it."""
    causes = list(_causes(error))
    for kind, message_of in REASONS:
        found = next((cause for cause in causes if isinstance(cause, kind)), None)
        if found is not None:
            again = not isinstance(found, ssl.SSLError | httpx2.DecodingError | httpx2.LocalProtocolError)
            return NotReached(f"{where} {message_of(found)}.", again=again)
    return NotReached(f"{where} does not answer.", again=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_certificate(error: BaseException) -> str:
    return f"shows a certificate that is not trusted: {getattr(error, 'verify_message', '') or 'it does not fit'}"


def _of_system(error: BaseException) -> str:
    return f"does not answer: {getattr(error, 'strerror', None) or 'the connection failed'}"


def _message(text: str) -> Callable[[BaseException], str]:
    return lambda _error: text


REASONS: tuple[tuple[type[BaseException], Callable[[BaseException], str]], ...] = (
    (ssl.SSLCertVerificationError, _of_certificate),
    (ssl.SSLError, _message("does not speak TLS as it should; perhaps it is an http:// address")),
    (socket.gaierror, _message("does not answer: its name is not known (DNS)")),
    (ConnectionRefusedError, _message("does not answer: nothing listens there")),
    (httpx2.ProxyError, _message("is not reached: the proxy refused the connection")),
    (httpx2.ConnectTimeout, _message("does not answer: no connection within 5 s")),
    (httpx2.TimeoutException, _message("did not answer in time")),
    (httpx2.DecodingError, _message("sent an answer that cannot be unpacked")),
    (httpx2.LocalProtocolError, _message("was not asked: the request cannot be written as HTTP")),
    (httpx2.RemoteProtocolError, _message("broke off, or does not speak HTTP")),
    (ConnectionError, _message("does not answer: the connection was cut")),
    (OSError, _of_system),
)
