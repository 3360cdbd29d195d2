"""What a person or a container gives us to reach a server: its address, a token, a proxy. Exact, or refused in words.

Nothing that may be secret is said: neither a token nor what stands before the @ of an address.
"""

import os
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from app.cli.client.exits import Exit, Failure

TOKEN = re.compile(r"[\x21-\x7e]+")  # what a field value of HTTP can hold; RFC 6750 section 2.1 allows still less
HOST = re.compile(r"[^\s/?#@\\<>\"^`{|}%\x00-\x1f\x7f]+")
SCHEMES = ("http", "https")
EXAMPLE = "Write it as https://berth.example.com, with a port if need be."


def server_address(given: str, source: str) -> str:
    """`https://host:port/path` without its last slash; `source` is where it was given. Raises Failure."""
    text = given.strip()
    if "://" not in text:
        raise _odd(source, "does not begin with http:// or https://", EXAMPLE)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _odd(source, f"is no address of a server ({_reason(error)})", EXAMPLE) from error
    problem = _problem(text, parts, port)
    if problem:
        raise _odd(source, problem, EXAMPLE)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _problem(text: str, parts: SplitResult, port: int | None) -> str:
    if parts.scheme not in SCHEMES:
        return "does not begin with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "holds a name or a password; sign in with berth login instead"
    if not text.isprintable() or any(sign.isspace() for sign in text):
        return "holds a space or a control sign"
    if not text.isascii() and not parts.path.isascii():
        return "holds letters in its path that have to be percent-encoded"
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        return "has a ? or a #, which the address of a server has not"
    if not parts.hostname or not HOST.fullmatch(parts.hostname):
        return "names no host"
    if port == 0:
        return "has port 0, which nothing listens on"
    return _unknown_name(parts.hostname)


def _unknown_name(host: str) -> str:
    """A name that DNS cannot hold would only be found out by the connection, in its own words."""
    try:
        long = max(map(len, host.encode("idna").split(b".")), default=0) > 63
    except UnicodeError:
        long = True
    return "names a host that cannot be" if long or len(host) > 253 else ""


def _reason(error: ValueError) -> str:
    text = str(error)
    return "its port is not a number from 1 to 65535" if "ort" in text else "its host cannot be read"


def segment(ref: object) -> str:
    """One segment of a path, whatever a person typed: it never becomes another address. Raises Failure."""
    text = str(ref)
    if text.strip(".") == "":
        raise Failure(f"{text!r} is no name and no id.", Exit.USAGE)
    return quote(text, safe="")


def token_of(given: str, source: str) -> str:
    """A token without the line end that a file or a container gave it. Raises Failure when it cannot be one."""
    token = given.strip()
    if token and not TOKEN.fullmatch(token):
        raise _odd(source, "holds a space, a line end or another sign that no token has", "Set it anew.")
    return token


def proxy_for(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The proxy that the environment names for this address; NO_PROXY counts. Raises Failure for one of no use."""
    parts = urlsplit(url)
    known = getproxies_environment()
    kind = parts.scheme if known.get(parts.scheme) else "all"
    proxy = known.get(kind)
    if not proxy or proxy_bypass_environment(parts.hostname or "", known):
        return None
    name = f"{kind}_proxy"
    source = name.upper() if name.upper() in environment else name
    text = proxy if "://" in proxy else f"http://{proxy}"
    try:
        scheme, host, _ = (found := urlsplit(text)).scheme, found.hostname, found.port
    except ValueError as error:
        raise _odd(source, "is no address of a proxy", "Write it as http://host:port.") from error
    if scheme not in SCHEMES:
        fix = f"Name an http:// proxy, or put {parts.hostname} into NO_PROXY."
        raise _odd(source, f"names a proxy of the kind {scheme!r}, which berth does not speak", fix)
    if not host or not text.isascii() or not text.isprintable() or " " in text:
        raise _odd(source, "is no address of a proxy", "Write it as http://host:port.")
    return text


def _odd(source: str, problem: str, fix: str) -> Failure:
    return Failure(f"{source} {problem}.", Exit.USAGE, fix)
