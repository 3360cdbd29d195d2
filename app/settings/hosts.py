"""What a host is to the world: a name that everybody can reach, one inside a network, or this computer.

Public names are told by the public suffix list (publicsuffix.org), which comes with a library: nothing is asked of the
network, so a name that is public and leads inside cannot be told. Sites are those of browsers: the registrable domain.
"""

import re
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from publicsuffixlist import PublicSuffixList

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
LONGEST = 253  # characters of a name (RFC 1035 section 2.3.4, without the root's dot)


class Reach(IntEnum):
    """From where a host can be reached, the narrowest first."""

    COMPUTER = 0
    NETWORK = 1
    WORLD = 2


@lru_cache(maxsize=2)
def _suffixes(*, registries_only: bool) -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False, only_icann=registries_only)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` spells, None for a name."""
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def is_host(host: str) -> bool:
    """Whether `host` is an address, or a name as programs compare it: lower case, ASCII (an international name as
    `xn--…`), without a dot at its end. A name that ends in a number is another way to write an IPv4 address (URL
    standard, section 3.5) and is none."""
    if address_of(host) is not None:
        return True
    labels = host.split(".")
    plain = len(host) <= LONGEST and all(LABEL.fullmatch(label) for label in labels)
    return plain and re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]) is None


def reach_of(host: str) -> Reach:
    """From where `host` can be reached."""
    address = address_of(host)
    if address is not None:
        if address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast:
            return Reach.COMPUTER
        return Reach.WORLD if address.is_global else Reach.NETWORK
    labels = host.split(".")
    if labels[-1] in ("localhost", "localdomain") or labels[0] in ("ip6-localhost", "ip6-loopback"):
        return Reach.COMPUTER  # RFC 6761 section 6.3
    known = labels[-1] not in ("arpa", "onion") and _suffixes(registries_only=False).privatesuffix(host) is not None
    return Reach.WORLD if known else Reach.NETWORK


def is_suffix(host: str, *, registries_only: bool = False) -> bool:
    """Whether everybody can have a name below `host`: `com`, `co.uk`; `github.io` too unless only registries count."""
    return address_of(host) is None and _suffixes(registries_only=registries_only).publicsuffix(host) == host


def site_of(host: str) -> str:
    """What browsers take as one site: the registrable domain, or the host itself where there is none. A name below an
    unknown suffix counts by its last two labels."""
    if address_of(host) is not None:
        return host
    if host.endswith(".localhost"):
        return host
    found = _suffixes(registries_only=False)
    if found.publicsuffix(host) is not None:
        return found.privatesuffix(host) or host
    return ".".join(host.split(".")[-2:])
