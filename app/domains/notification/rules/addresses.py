"""Which URLs a webhook may have: plain ones, to addresses of the public internet only.

The URL is checked when it is entered and at every attempt; the resolved addresses are checked at every attempt, because
a name may resolve to something else later. `loopback` is for development: it also allows http to this computer.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec

MAX_URL = 2_000
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
URL = re.compile(r"(https?)://([^/?#]+)([/?][^#]*)?")
INNER_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion", "test")
Address = IPv4Address | IPv6Address

# Listed here, because what `ipaddress` calls global differs between releases of Python.
CLOSED = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23"),
        *("2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
OPEN_V6 = ip_network("2000::/3")  # all of the public IPv6 internet


class Refused(ValueError):
    """The URL or an address is not allowed; the text tells the person why."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a checked URL. `host` is in lower case, without brackets and trailing dot."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"

    @property
    def literal(self) -> Address | None:
        """The address, when the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def parse(url: str, *, loopback: bool) -> Target:
    """The parts of `url`. Raises Refused."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        raise Refused("A URL has up to 2,000 ASCII characters; write an international name in its xn-- form.")
    match = URL.fullmatch(url)
    if match is None:
        raise Refused("Enter a full URL without a fragment, such as https://hooks.example.com/berth.")
    scheme, authority, path = match[1], match[2].lower(), match[3] or "/"
    if "@" in authority:
        raise Refused("A URL must not contain a user name or password; the signature authenticates the sender.")
    if "%" in authority:
        raise Refused("A host must not contain percent signs.")
    host, port = _split(authority, 443 if scheme == "https" else 80)
    target = Target(scheme=scheme, host=host, port=port, path=path if path.startswith("/") else f"/{path}")
    if loopback and _is_this_computer(target):
        return target
    if scheme != "https":
        raise Refused("Use https: an unencrypted webhook can be read and changed in transit.")
    if port != 443 and port < 1_024:
        raise Refused("Use port 443, or a port from 1024 up.")
    if target.literal is not None:
        check([target.literal], loopback=loopback)
    elif "." not in host or any(host == name or host.endswith("." + name) for name in INNER_NAMES):
        raise Refused("This name is not on the public internet.")
    return target


def check(addresses: Iterable[Address], *, loopback: bool) -> list[Address]:
    """The addresses, if all of them are allowed. One that is not refuses the whole name, because a client may pick any
    of them. Raises Refused."""
    result = list(addresses)
    if not result:
        raise Refused("The name has no address.")
    for address in result:
        if not (is_public(address) or (loopback and _is_loopback(address))):
            raise Refused("The name resolves to an address that is not on the public internet.")
    return result


def is_public(address: Address) -> bool:
    """Whether `address` is on the public internet, also when it is embedded in an IPv6 address."""
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in OPEN_V6):
        return False
    return address.is_global and not any(address in network for network in CLOSED)


def _is_loopback(address: Address) -> bool:
    return address == IPv6Address("::1") or (isinstance(address, IPv4Address) and address.is_loopback)


def _is_this_computer(target: Target) -> bool:
    literal = target.literal
    return target.host == "localhost" if literal is None else _is_loopback(literal)


def _split(authority: str, usual: int) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\](?::([0-9]{1,5}))?", authority)
    named = re.fullmatch(r"([^:\[\]]+?)\.?(?::([0-9]{1,5}))?", authority)
    result = bracketed or named
    if result is None:
        raise Refused("The host of the URL is invalid.")
    port = int(result[2]) if result[2] else usual
    if not 0 < port < 65_536:
        raise Refused("The port is invalid.")
    host = result[1]
    if bracketed:
        return _literal(host), port
    labels = host.split(".")
    if NUMBER.fullmatch(labels[-1]):  # clients read such a host as an address
        return _literal(host), port
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise Refused("The host of the URL is not a valid name.")
    return host, port


def _literal(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError as error:
        raise Refused("Enter an address in its standard form, such as 203.0.113.7.") from error
