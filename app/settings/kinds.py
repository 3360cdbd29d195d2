"""Kinds of values: how the text of a setting is read, and what a good value is in production.

`read` raises ValueError with what the value must be, in any environment. `find_faults` says what production refuses,
and by which name it can be allowed. Neither ever repeats a value: some are secrets.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from app.settings.guessing import bits_of
from app.settings.hosts import is_host

T = TypeVar("T")
MIN_BITS = 80


class Wrong(NamedTuple):
    """What production refuses of a value, and the override that lets it pass ("": nothing does)."""

    text: str
    override: str = ""


class Kind(Protocol[T]):
    """How a value is read and what is good."""

    @property
    def says(self) -> str:
        """What a value must be, for people."""
        ...

    @property
    def wants(self) -> str:
        """What production asks beyond that; empty for nothing."""
        ...

    def read(self, text: str) -> T:
        """The value. Raises ValueError with what it must be."""
        ...

    def find_faults(self, value: T) -> Iterator[Wrong]:
        """What production refuses."""
        ...

    def secrets_of(self, value: T) -> Sequence[str]:
        """The parts that nobody else may know."""
        ...


class Plain(Generic[T]):
    """A kind of which every readable value is good."""

    wants = ""

    def find_faults(self, value: T) -> Iterator[Wrong]:
        return iter(())

    def secrets_of(self, value: T) -> Sequence[str]:
        return ()


@dataclass(frozen=True)
class Text(Plain[str]):
    """A text of one line; `pattern` tells which."""

    says: str
    pattern: str = r".+"
    longest: int = 255

    def read(self, text: str) -> str:
        if len(text) > self.longest or not re.fullmatch(self.pattern, text):
            raise ValueError(f"{self.says} of at most {self.longest} characters")
        return text


@dataclass(frozen=True)
class Number(Plain[int]):
    """A whole number within bounds."""

    minimum: int
    maximum: int
    unit: str = ""

    @property
    def says(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}{' ' + self.unit if self.unit else ''}"

    def read(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not self.minimum <= int(text) <= self.maximum:
            raise ValueError(self.says)
        return int(text)


@dataclass(frozen=True)
class Seconds(Plain[float]):
    """A span of time within bounds."""

    minimum: float
    maximum: float

    @property
    def says(self) -> str:
        return f"seconds from {self.minimum:g} to {self.maximum:g}"

    def read(self, text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not self.minimum <= float(text) <= self.maximum:
            raise ValueError(self.says)
        return float(text)


@dataclass(frozen=True)
class Choice:
    """One of some words; production takes only some of them where `good` is given."""

    words: tuple[str, ...]
    good: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        return "one of " + ", ".join(f"`{word}`" for word in self.words)

    @property
    def wants(self) -> str:
        return " or ".join(f"`{word}`" for word in self.good)

    def read(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(self.says)
        return text

    def find_faults(self, value: str) -> Iterator[Wrong]:
        if self.good and value not in self.good:
            yield Wrong(self.wants)

    def secrets_of(self, value: str) -> Sequence[str]:
        return ()


@dataclass(frozen=True)
class Secret:
    """What nobody can guess. `pattern` is its form, `good` what production wants at its beginning."""

    says: str = "a secret without spaces"
    pattern: str = r"[!-~]+"
    bits: int = MIN_BITS
    good: tuple[str, ...] = ()
    override: str = ""
    parts: str = ""  # what stands between its parts; the last is the secret

    @property
    def wants(self) -> str:
        begins = f"begins with {' or '.join(f'`{start}`' for start in self.good)}, " if self.good else ""
        return f"{begins}random, hard to guess ({self.bits} bits or more)"

    def read(self, text: str) -> str:
        if len(text) > 8192 or not re.fullmatch(self.pattern, text):
            raise ValueError(self.says)
        return text

    def find_faults(self, value: str) -> Iterator[Wrong]:
        text = value
        if self.good and not text.startswith(self.good):
            yield Wrong(f"what begins with {' or '.join(self.good)}", self.override)
        if bits_of(self._random(text)) < self.bits:
            yield Wrong(f"random: what stands there can be guessed (less than {self.bits} bits)")

    def secrets_of(self, value: str) -> Sequence[str]:
        return (value,)

    def _random(self, text: str) -> str:
        """Without what everybody knows: `sk_live_`."""
        return text.rsplit(self.parts, 1)[-1] if self.parts else text


@dataclass(frozen=True)
class Listing(Generic[T]):
    """Values of one kind, separated by commas, each once."""

    of: Kind[T]

    @property
    def says(self) -> str:
        return f"a list, separated by commas: {self.of.says}"

    @property
    def wants(self) -> str:
        return self.of.wants

    def read(self, text: str) -> tuple[T, ...]:
        """Raises ValueError for a value that stands there twice or is empty, too."""
        found = tuple(self.of.read(part.strip()) for part in text.split(","))
        if len(set(found)) != len(found):
            raise ValueError("a list in which each value stands once")
        return found

    def find_faults(self, value: tuple[T, ...]) -> Iterator[Wrong]:
        for one in value:
            yield from self.of.find_faults(one)

    def secrets_of(self, value: tuple[T, ...]) -> Sequence[str]:
        return tuple(secret for one in value for secret in self.of.secrets_of(one))


@dataclass(frozen=True)
class Network(Plain["IPv4Network | IPv6Network"]):
    """An address or network of machines that are believed; nobody believes half of the internet."""

    says = "an address or network such as 10.0.0.0/8"
    wants = "private networks, or public ones of at most a million IPv4 addresses (/12; IPv6 /24)"

    def read(self, text: str) -> IPv4Network | IPv6Network:
        try:
            found = ip_network(text)
        except ValueError:
            raise ValueError(self.says) from None
        if isinstance(found, IPv6Network) and found.network_address.ipv4_mapped:
            raise ValueError(f"{self.says}, IPv4 written as IPv4")  # ::ffff:0:0/96 is everybody's and counts as private
        return found

    def find_faults(self, value: IPv4Network | IPv6Network) -> Iterator[Wrong]:
        private = value.is_private and value.prefixlen >= 7
        if not private and value.prefixlen < (12 if value.version == 4 else 24):
            yield Wrong(self.wants)


class BindAddress(Plain[str]):
    """What a process listens on."""

    says = "an address or host name of this computer, without a port"

    def read(self, text: str) -> str:
        if not is_host(text):
            raise ValueError(self.says)
        return text


class Mailbox(Plain[str]):
    """One person's address."""

    says = "an e-mail address"

    def read(self, text: str) -> str:
        local, _, domain = text.lower().rpartition("@")
        if not re.fullmatch(r"[^\s@,;<>\"]{1,64}", local) or not is_host(domain):
            raise ValueError(self.says)
        return text.lower()


class Sender(Plain[str]):
    """Who mails come from, as a header takes it (RFC 5322 section 3.4); names in other scripts as they are."""

    says = "an e-mail address, or `Name <address>`"
    _form = re.compile(r'(?:(?:"[^"\\]*"|[^"<>@,;:\\]*?)\s*<(?P<named>[^<>]+)>)|(?P<bare>[^<>\s]+)')

    def read(self, text: str) -> str:
        found = self._form.fullmatch(text)
        try:
            Mailbox().read((found["named"] or found["bare"]) if found else "")
        except ValueError:
            raise ValueError(self.says) from None
        return text


class Folder(Plain[Path]):
    """A directory."""

    says = "the path of a directory"
    wants = "an absolute path"

    def read(self, text: str) -> Path:
        return Path(text)

    def find_faults(self, value: Path) -> Iterator[Wrong]:
        if not value.is_absolute():
            yield Wrong(self.wants)
