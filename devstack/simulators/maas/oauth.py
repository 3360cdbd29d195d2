"""OAuth 1.0 PLAINTEXT as MAAS checks it: consumer, token, clock, nonce, signature, in that order.

The answers are as recorded, including the one that leaks the true secret in a 401 body: a client must survive it.
"""

import re
import time
from urllib.parse import unquote

import msgspec

from devstack.simulators.http import Response
from devstack.simulators.maas.store import Store

CLOCK_THRESHOLD_S = 300
_REQUIRED = frozenset(
    {
        "oauth_signature_method",
        "oauth_consumer_key",
        "oauth_token",
        "oauth_signature",
        "oauth_nonce",
        "oauth_timestamp",
    }
)
_PAIR = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')


class User(msgspec.Struct, frozen=True):
    """Somebody who may sign requests, with the three parts of the API key (empty for people without one)."""

    username: str
    is_superuser: bool
    consumer_key: str = ""
    token_key: str = ""
    token_secret: str = ""


class Unsigned(Exception):
    """No usable OAuth header at all."""


class BadSignature(Exception):
    """A header that does not hold; `response` is what MAAS says to it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        headers = (("WWW-Authenticate", 'OAuth realm="OAuth"'),)
        self.response = Response(401, f"Authorization Error: {message}".encode(), "text/html; charset=utf-8", headers)


def user_from_key(username: str, is_superuser: bool, api_key: str) -> User:
    """A user whose API key is `consumer:token:secret`. Raises ValueError on another shape."""
    consumer, token, secret = api_key.split(":")
    return User(username, is_superuser, consumer, token, secret)


def _parameters(header: str) -> dict[str, str]:
    if not header.startswith("OAuth "):
        raise Unsigned
    found = {
        match[1]: unquote(match[2])
        for match in (_PAIR.fullmatch(part) for part in header.removeprefix("OAuth ").split(","))
        if match is not None
    }
    if not found.keys() >= _REQUIRED:
        raise Unsigned
    return found


def authenticate(header: str, users: list[User], store: Store, now: float | None = None) -> User:
    """The user who signed this request; its nonce is used up. Raises Unsigned or BadSignature."""
    given = _parameters(header)
    if given["oauth_consumer_key"] not in {user.consumer_key for user in users if user.consumer_key}:
        raise BadSignature("Invalid API key.")
    user = next((user for user in users if user.token_key and user.token_key == given["oauth_token"]), None)
    if user is None or user.consumer_key != given["oauth_consumer_key"]:
        raise BadSignature(f"'Invalid access token: {given['oauth_token']}'")
    _check_clock(given["oauth_timestamp"], time.time() if now is None else now)
    if not store.use_nonce(user.token_key, given["oauth_nonce"]):
        raise BadSignature(f"Nonce already used: {given['oauth_nonce']}")
    expected = f"&{user.token_secret}"
    if given["oauth_signature"] != expected:
        raise BadSignature(f"Invalid signature. Expected signature base string: {expected}")
    return user


def _check_clock(given: str, now: float) -> None:
    """Old stamps are refused, future ones pass."""
    if not given.isdigit():
        raise BadSignature("Invalid timestamp")  # not observed on 3.7
    if now - int(given) > CLOCK_THRESHOLD_S:
        raise BadSignature(
            f"Expired timestamp: given {int(given)} and now {int(now)} "
            f"has a greater difference than threshold {CLOCK_THRESHOLD_S}"
        )
