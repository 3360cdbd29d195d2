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

from app.cli.client.credentials import Login, Store
from app.cli.client.exits import ApiError, Exit, Failure

Json = dict[str, Any]
COMMAND_LINE = "berth-cli"
TRIES = 4
LONGEST_PAUSE = 30
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
SAFE_HOST = re.compile(r"[^A-Za-z0-9._-]")


def user_agent() -> str:
    """How the list of sessions names this computer."""
    return f"{COMMAND_LINE}/1 ({SAFE_HOST.sub('', platform.node())[:60]})"


class Api:
    """One server. `answers` are decoded JSON; a refusal raises ApiError."""

    def __init__(self, url: str | None = None) -> None:
        self.store = Store()
        self.url = (url or os.environ.get("BERTH_URL") or self.store.current_url()).rstrip("/")
        self._client = httpx2.Client(
            timeout=TIMEOUT, headers={"user-agent": user_agent(), "accept": "application/json"}
        )
        self._fixed_token = os.environ.get("BERTH_TOKEN", "")

    def close(self) -> None:
        """Hang up."""
        self._client.close()

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
        while True:
            page = self.get(path, **params, cursor=cursor)
            yield from page if isinstance(page, list) else page["items"]
            cursor = None if isinstance(page, list) else page.get("next_cursor")
            if not cursor:
                return

    def call(self, method: str, path: str, *, body: Json | None = None, params: Json | None = None) -> httpx2.Response:
        """Send until it is answered for good. Raises ApiError, Failure."""
        headers = {} if method == "GET" else {"x-idempotency-key": str(uuid.uuid4())}
        shown = {name: value for name, value in (params or {}).items() if value not in (None, "", False)}
        renewed = False
        for attempt in range(1, TRIES + 1):
            token = self._token()
            if token:
                headers["authorization"] = f"Bearer {token}"
            try:
                answer = self._client.request(method, self.url + path, json=body, params=shown, headers=headers)
            except httpx2.TransportError as error:
                if attempt == TRIES:
                    raise self._unreachable() from error
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.status_code == 401 and not renewed and self._renew(token):
                renewed = True
                continue
            if answer.status_code in (429, 503) and attempt < TRIES:
                time.sleep(pause_of(answer))
                continue
            if answer.is_error:
                raise error_of(answer)
            return answer
        raise self._unreachable()

    def form(self, path: str, fields: dict[str, str]) -> Json:
        """A form of OAuth, which carries its own proof. Raises ApiError, Failure."""
        try:
            answer = self._client.post(self.url + path, data=fields)
        except httpx2.TransportError as error:
            raise self._unreachable() from error
        if answer.is_error:
            raise error_of(answer)
        found = answer.json()
        return found if isinstance(found, dict) else {}

    def sign_in(self, fields: dict[str, str]) -> Login:
        """Tokens for what proves who we are; they are not kept yet."""
        answer = self.form("/oauth/token", fields)
        return Login(
            access_token=str(answer["access_token"]),
            refresh_token=str(answer.get("refresh_token", "")),
            client_id=fields["client_id"] if "client_secret" in fields else "",
            client_secret=fields.get("client_secret", ""),
        )

    def _token(self) -> str:
        if self._fixed_token:
            return self._fixed_token
        login = self.store.read(self.url)
        return login.access_token if login else ""

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
                if error.exit_code is Exit.NOT_SIGNED_IN or error.code == "invalid_grant":
                    self.store.write(self.url, None)
                    return False
                raise
            self.store.write(self.url, fresh)
            return True

    @staticmethod
    def _changed(answer: httpx2.Response) -> Any:
        return answer.json() if answer.content else {}

    def _unreachable(self) -> Failure:
        return Failure(f"{self.url} does not answer.", Exit.UNAVAILABLE, "Check the address (--url or BERTH_URL).")


def renewal(login: Login) -> dict[str, str]:
    """What proves again who we are."""
    if login.client_secret:
        return {
            "grant_type": "client_credentials", "client_id": login.client_id, "client_secret": login.client_secret
        }  # fmt: skip
    return {"grant_type": "refresh_token", "client_id": COMMAND_LINE, "refresh_token": login.refresh_token}


def pause_of(answer: httpx2.Response) -> int:
    """The seconds that the server asks us to wait, within reason."""
    said = answer.headers.get("retry-after", "")
    return min(int(said), LONGEST_PAUSE) if said.isdigit() else 2


def error_of(answer: httpx2.Response) -> ApiError:
    """The refusal in the API's envelope, or in that of OAuth; something else in front of it answers without one."""
    correlation = answer.headers.get("x-correlation-id", "")
    try:
        body = answer.json()
        said = body["error"]
        if isinstance(said, str):  # RFC 6749 §5.2
            said = {"code": said, "message": body.get("error_description") or said}
        code, message, details = str(said["code"]), str(said["message"]), said.get("details") or {}
        correlation = str(said.get("correlation_id") or correlation)
    except (ValueError, KeyError, TypeError):
        code, message, details = "", f"The server answered {answer.status_code} without a reason.", {}
    fields = details.get("fields") if isinstance(details, dict) else None
    fix = " ".join(f"{name}: {text}" for name, text in fields.items()) if isinstance(fields, dict) and fields else ""
    return ApiError(answer.status_code, code, message, fix, correlation)
