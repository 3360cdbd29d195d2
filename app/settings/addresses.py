"""Addresses as settings: what stands in them, and what a good one is in production.

An address is read strictly and kept as programs compare it: no user, path, query or fragment where none belongs, no
other spelling of the same host. In production it is encrypted unless it stays inside a network, and leads somewhere
else than to this computer where what it names is never here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from app.settings.guessing import bits_of
from app.settings.hosts import Reach, is_host, is_suffix, reach_of
from app.settings.kinds import MIN_BITS, Plain, Wrong

DEFAULT_PORTS = {"http": 80, "https": 443}
WILD = "*."
PLACES = {
    Reach.COMPUTER: "any host",
    Reach.NETWORK: "another computer than this one",
    Reach.WORLD: "a public name, by the public suffix list",
}
VERIFIED = ("verify-full", "verify-ca")


class Url(NamedTuple):
    """An address in its parts. `host` is without the wildcard; `port` is None where none was written."""

    text: str
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: str
    query: tuple[tuple[str, str], ...]
    wild: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port as browsers write them (RFC 6454 section 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in (None, DEFAULT_PORTS.get(self.scheme)) else f":{self.port}"
        return f"{self.scheme}://{WILD if self.wild else ''}{host}{port}"


def split(text: str) -> Url:
    """The parts of an address. Raises ValueError when a part is not what it must be."""
    if not re.fullmatch(r"[!-~]+", text) or "\\" in text or "#" in text:
        raise ValueError("an address in ASCII, an international name as xn--…, without spaces and fragment")
    parts = urlsplit(text)
    netloc = parts.netloc.rpartition("@")[2]
    wild = netloc.startswith(WILD)
    host = (parts.hostname or "").removeprefix(WILD)
    written = netloc.removeprefix(WILD)
    if not parts.netloc or not is_host(host) or not re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]+)?", written):
        raise ValueError("an address whose host is a name in lower case or an IP address")
    if parts.port == 0:
        raise ValueError("an address whose port, where one is given, is from 1 to 65535")
    query = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Url(text, parts.scheme, user, password, host, parts.port, parts.path, query, wild)


@dataclass(frozen=True)
class Address:
    """The address of something. `schemes` says which are encrypted; `service` names it in overrides."""

    schemes: Mapping[str, bool]
    service: str = ""
    minimum: Reach = Reach.COMPUTER  # in production
    overrides: tuple[str, ...] = ()  # of plain, local, private
    plain_inside: bool = False  # without encryption within a network, or on this computer
    login: bool = False  # user and password, or a token, stand in it
    path: str = ""  # a pattern
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # names; good values, where not all are
    wild: bool = False
    below: str = ""  # the domain that it belongs to

    @property
    def says(self) -> str:
        login = "user:password@" if self.login else ""
        form = " or ".join(f"`{scheme}://{login}{WILD if self.wild else ''}host`" for scheme in self.schemes)
        return f"{form}{', with a path' if self.path else ''}"

    @property
    def wants(self) -> str:
        words = [self._encrypted, f"below `{self.below}`" if self.below else f"at {PLACES[self.minimum]}"]
        if self.login:
            words.append("with a password that is hard to guess")
        return ", ".join(words)

    @property
    def _encrypted(self) -> str:
        safe = [scheme for scheme, encrypted in self.schemes.items() if encrypted]
        words = f"spoken to by `{'` or `'.join(safe) if safe else 'sslmode=verify-full'}`"
        return f"{words} or inside a network" if self.plain_inside else words

    def read(self, text: str) -> Url:
        """Raises ValueError with the form; the end of an origin may be a slash."""
        try:
            found = split(text)
        except ValueError as error:
            reason = str(error) if str(error).startswith("an address") else "an address"
            raise ValueError(f"{reason}: {self.says}") from None
        if not self.path and found.path == "/":
            found = found._replace(path="", text=text.removesuffix("/"))
        self._check(found)
        return found

    def _check(self, found: Url) -> None:
        known = dict(self.query)
        reasons = {
            "without a user or password": (found.user or found.password or "@" in found.text) and not self.login,
            "with the path that belongs there" if self.path else "without a path": not re.fullmatch(
                self.path, found.path
            ),
            "with no other options behind ?": any(name not in known for name, _ in found.query)
            or len(dict(found.query)) != len(found.query),
            "with one `*.` at its beginning": self.wild and not found.wild,
            "without `*`": found.wild and not self.wild,
            "as browsers write it, without the scheme's own port": not self.login
            and not self.path
            and found.text != found.origin,
        }
        if found.scheme not in self.schemes:
            raise ValueError(self.says)
        for words, broken in reasons.items():
            if broken:
                raise ValueError(f"{self.says}, {words}")

    def find_faults(self, value: Url) -> Iterator[Wrong]:
        reach = reach_of(value.host)
        if not self._is_encrypted(value) and not (self.plain_inside and reach < Reach.WORLD):
            yield Wrong(self._encrypted, self._override("plain"))
        if reach < self.minimum:
            yield Wrong(f"at {PLACES[self.minimum]}", self._override("local" if reach == Reach.COMPUTER else "private"))
        if is_suffix(value.host, registries_only=value.wild):
            yield Wrong("at a name of your own, not one below which everybody can have names")
        if self.below and not f".{value.host}".endswith(f".{self.below}"):
            yield Wrong(f"below {self.below}")
        known = dict(self.query)
        if any(known.get(name) and given not in known[name] for name, given in value.query):
            yield Wrong("without options that turn off what protects it")
        if self.login:
            yield from self._find_weak_login(value)

    def _is_encrypted(self, value: Url) -> bool:
        return self.schemes[value.scheme] or dict(value.query).get("sslmode") in VERIFIED

    def _override(self, what: str) -> str:
        return f"{what}-{self.service}" if what in self.overrides else ""

    def _find_weak_login(self, value: Url) -> Iterator[Wrong]:
        if "sslcert" in dict(value.query):
            return
        [secret] = self.secrets_of(value) or [""]
        if value.scheme == "postgresql" and not value.user:
            yield Wrong("with a user")
        if not secret:
            yield Wrong("with a password")
        elif bits_of(secret) < MIN_BITS:
            yield Wrong(f"with a random password: this one can be guessed (less than {MIN_BITS} bits)")

    def secrets_of(self, value: Url) -> Sequence[str]:
        """The password; at NATS a user alone is a token."""
        found = value.password or (value.user if value.scheme in ("nats", "tls") else "")
        return (found,) if found else ()


@dataclass(frozen=True)
class MailServer(Plain[Url]):
    """Where mails go. What is not on this computer is always encrypted (the gateway demands STARTTLS)."""

    says = "`smtp://user:password@host:587` or `smtps://user:password@host:465`"

    def read(self, text: str) -> Url:
        """Raises ValueError with the form."""
        try:
            found = split(text)
        except ValueError:
            raise ValueError(self.says) from None
        alone = (
            found.path in ("", "/") and not found.query and not found.wild and bool(found.user) == bool(found.password)
        )
        if found.scheme not in ("smtp", "smtps") or not alone:
            raise ValueError(self.says)
        return found

    def secrets_of(self, value: Url) -> Sequence[str]:
        return (value.password,) if value.password else ()


@dataclass(frozen=True)
class HostAndPort(Plain[str]):
    """`host:port`, without a scheme."""

    says = "`host:port`"

    def read(self, text: str) -> str:
        """Raises ValueError with the form."""
        try:
            found = split(f"tcp://{text}")
        except ValueError:
            raise ValueError(self.says) from None
        if found.port is None or found.user or found.path or found.query or found.wild:
            raise ValueError(self.says)
        return text
