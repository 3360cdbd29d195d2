"""The one door to the API: tokens, idempotency keys, retries that are safe, and refusals in words.

A change carries an idempotency key, so the same request may be sent again after a cut connection, a 429 or a 503. An
access token that is over is renewed once, under the lock of the credentials file.
"""

import os
import platform
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2

from app.cli.client import connection
from app.cli.client.address import server_address, token_of
from app.cli.client.connection import Answer, NotReached
from app.cli.client.credentials import Login, Store
from app.cli.client.exits import ApiError, Exit, Failure
from app.shared.numbers import whole_number

Json = dict[str, Any]
COMMAND_LINE = "berth-cli"
TRIES = 4
RETRY_SECONDS = 45.0  # seconds after which a request is not sent again
LONGEST_PAUSE = 30
MAX_PAGES = 10_000
RETRY_LATER = (429, 503)  # answers that may say Retry-After, RFC 6585 section 4 and RFC 9110 section 15.6.4
SAFE_HOST = re.compile(r"[^A-Za-z0-9._-]")


def user_agent() -> str:
    """How the list of sessions names this computer."""
    return f"{COMMAND_LINE}/1 ({SAFE_HOST.sub('', platform.node())[:60]})"


class Api:
    """One server. `answers` are decoded JSON; a refusal raises ApiError."""

    def __init__(self, url: str | None = None) -> None:
        self.store = Store()
        self.url = self._server(url)
        self._fixed_token = token_of(os.environ.get("BERTH_TOKEN", ""), "BERTH_TOKEN")
        self._client = connection.open_client(self.url, user_agent=user_agent(), accept="application/json")
        self._last: Answer | None = None

    def _server(self, url: str | None) -> str:
        if url is not None:
            return server_address(url, "--url")
        if os.environ.get("BERTH_URL"):
            return server_address(os.environ["BERTH_URL"], "BERTH_URL")
        return server_address(self.store.current_url(), "The server in the file of sign-ins")

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def misunderstood(self, error: Exception) -> Exception:
        """What to raise for an error in reading an answer: without an answer it is one of our own."""
        if self._last is None:
            return error
        detail = f"lacks {error}" if isinstance(error, KeyError) else "holds a value of another kind than expected"
        return self._last.foreign(f"sent an answer that {detail}")

    def get(self, path: str, **params: object) -> Any:
        return self.call("GET", path, params=params).json()

    def post(self, path: str, body: Json | None = None) -> Any:
        return self._changed(self.call("POST", path, body=body))

    def put(self, path: str, body: Json) -> Any:
        return self._changed(self.call("PUT", path, body=body))

    def patch(self, path: str, body: Json) -> Any:
        return self._changed(self.call("PATCH", path, body=body))

    def delete(self, path: str) -> Any:
        return self._changed(self.call("DELETE", path))

    def items(self, path: str, **params: object) -> list[Json]:
        """The whole list, page by page."""
        return list(self.each(path, **params))

    def each(self, path: str, **params: object) -> Iterator[Json]:
        """The rows of a list, reading further pages as they are needed."""
        cursor: object = None
        seen: set[object] = set()
        while True:
            answer = self.call("GET", path, params=params | {"cursor": cursor})
            page = answer.json()
            rows = page if isinstance(page, list) else page.get("items") if isinstance(page, dict) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise answer.foreign("sent something else than a list of objects")
            yield from rows
            cursor = page.get("next_cursor") if isinstance(page, dict) else None
            if not cursor:
                return
            if not isinstance(cursor, str) or cursor in seen or len(seen) > MAX_PAGES:
                raise answer.foreign("sent a list without an end")
            seen.add(cursor)

    def call(
        self, method: str, path: str, *, body: Json | None = None, params: Json | None = None,
        largest: int = 0, accept: str = "application/json",
    ) -> Answer:  # fmt: skip
        """Send until it is answered for good. Raises ApiError, Failure."""
        headers = {"accept": accept} | ({} if method == "GET" else {"x-idempotency-key": str(uuid.uuid4())})
        asked = {"json": body, "params": {name: value for name, value in (params or {}).items() if is_given(value)}}
        renewed, until = False, time.monotonic() + RETRY_SECONDS
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES or time.monotonic() > until
            token = self._token()
            if token:
                headers["authorization"] = f"Bearer {token}"
            try:
                answer = self._exchange(method, path, headers=headers, largest=largest, **asked)
            except NotReached as error:
                if last or not error.again:
                    raise
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.status_code == 401 and not renewed and self._renew(token):
                renewed = True
                continue
            if answer.status_code in RETRY_LATER and not last:
                time.sleep(pause_of(answer))
                continue
            return accepted(answer)
        raise NotReached(f"{self.url} does not let this sign-in be renewed.", again=False)

    def form(self, path: str, fields: dict[str, str]) -> Json:
        """A form of OAuth, which carries its own proof. Raises ApiError, Failure."""
        answer = accepted(self._exchange("POST", path, data=fields))
        found = answer.json() if answer.content else {}
        if not isinstance(found, dict):
            raise answer.foreign("sent something else than an object")
        return found

    def _exchange(self, method: str, path: str, **parts: Any) -> Answer:
        self._last = connection.exchange(self._client, method, self.url + path, where=self.url, **parts)
        return self._last

    def sign_in(self, fields: dict[str, str]) -> Login:
        """Tokens for what proves who we are; they are not kept yet."""
        answer = self.form("/oauth/token", fields)
        return Login(
            access_token=token_of(str(answer["access_token"] or ""), "The token that the server sent"),
            refresh_token=str(answer.get("refresh_token") or ""),
            client_id=fields["client_id"] if "client_secret" in fields else "",
            client_secret=fields.get("client_secret", ""),
        )

    def _token(self) -> str:
        if self._fixed_token:
            return self._fixed_token
        login = self.store.read(self.url)
        return token_of(login.access_token, "The token in the file of sign-ins") if login else ""

    def _renew(self, seen: str) -> bool:
        """Whether there is another access token now. Another process may have renewed it while we waited."""
        if self._fixed_token:
            return False
        with self.store.locked():
            login = self.store.read(self.url)
            if login is None:
                return False
            if login.access_token != seen:
                return True
            try:
                fresh = self.sign_in(renewal(login))
            except ApiError as error:
                if error.exit_code is Exit.NOT_SIGNED_IN:
                    self.store.write(self.url, None)
                    return False
                raise
            self.store.write(self.url, fresh)
            return True

    @staticmethod
    def _changed(answer: Answer) -> Any:
        return answer.json() if answer.content else {}


def is_given(value: object) -> bool:
    """Whether a parameter is sent: a number of 0 is, a flag that is off is not."""
    return value is not None and value is not False and value != ""


def accepted(answer: Answer) -> Answer:
    """The answer, when it is one. Raises ApiError, Failure."""
    if answer.status_code >= 400:
        raise error_of(answer)
    if not 200 <= answer.status_code < 300:
        target = connection.origin_of(answer.headers.get("location", "")[:200])
        raise answer.foreign(f"sends us on to {target}" if len(target) > 3 else "sends us on")
    return answer


def renewal(login: Login) -> dict[str, str]:
    """What proves again who we are."""
    if login.client_secret:
        return {
            "grant_type": "client_credentials", "client_id": login.client_id, "client_secret": login.client_secret
        }  # fmt: skip
    return {"grant_type": "refresh_token", "client_id": COMMAND_LINE, "refresh_token": login.refresh_token}


def pause_of(answer: Answer | httpx2.Response) -> int:
    """The seconds that the server asks us to wait, within reason."""
    seconds = whole_number(answer.headers.get("retry-after", ""))
    return 2 if seconds is None else min(seconds, LONGEST_PAUSE)


def error_of(answer: Answer) -> ApiError:
    """The refusal in the API's envelope, or in that of OAuth (RFC 6749 section 5.2).

    Something else in front of the API answers without one.
    """
    correlation = answer.headers.get("x-correlation-id", "")
    code, message, fix = "", f"{answer.where} answered {answer.status_code} without a reason.", ""
    try:
        found = answer.json()
        error = found["error"]
        if isinstance(error, str):
            code, message = error, str(found.get("error_description") or f"The server refused it ({error}).")
        else:
            code, message = str(error["code"]), str(error["message"])
            correlation = str(error.get("correlation_id") or correlation)
            fix = _fix_of(error.get("details"))
    except (Failure, LookupError, TypeError, AttributeError):
        pass
    refusal = ApiError(answer.status_code, code, message[:2000], fix[:2000], correlation[:100])
    refusal.pause = pause_of(answer) if answer.status_code in RETRY_LATER else 0.0
    return refusal


def _fix_of(details: object) -> str:
    fields = details.get("fields") if isinstance(details, dict) else None
    return " ".join(f"{name}: {text}" for name, text in fields.items()) if isinstance(fields, dict) else ""
