"""Takes secrets and personal data out of anything that is about to be logged.

Keys that name a secret lose their value; values that look like a token, a card number, a key or an address are
replaced wherever they stand. It works on copies and never raises.
"""

import re
from collections.abc import Mapping, Sequence

REMOVED = "[removed]"
SECRET_KEY = re.compile(
    r"(pass(word|wd)?|secret|token|authorization|cookie|api[-_]?key|private|credential|signature|user_data|otp|cvc|card"
    r"|code_verifier|client_secret)",
    re.IGNORECASE,
)
PERSONAL_KEY = re.compile(r"^(e?mail|name|full_name|user_name|address|phone|gecos)$", re.IGNORECASE)
PATTERNS = (
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"\b(?:sk|rk|pk)_(?:test|live)_[A-Za-z0-9]{8,}"),  # Stripe keys
    re.compile(r"\bwhsec_[A-Za-z0-9+/=]{8,}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?i)\b(?:bearer|basic|oauth)\s+[A-Za-z0-9._~+/=\"%,:_-]{8,}"),
    re.compile(r"(?i)(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user:password in an address
    re.compile(r"(?i)[?&](?:token|code|state|key|signature|x-amz-[a-z-]+)=[^&\s\"']+"),
    re.compile(  # name=value, name: value and "name": "value", in a text or a query
        r"""(?ix)["']?\b[\w-]*(?:pass(?:word|wd|phrase)|secret|token|api[-_]?key|authorization|cookie|credential|code_verifier
        |signature)["']?\s*[=:]\s*(?:"[^"]*"|'[^']*'|[^\s"',;&)\]}]+)"""
    ),
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),  # mail addresses
    re.compile(r"\b(?:\d[ -]?){13,19}\b"),  # card numbers
)
MAX_TEXT = 8_000


def sanitize(value: object, *, depth: int = 0) -> object:
    """A copy of `value` that is safe to log."""
    if isinstance(value, str):
        return sanitize_text(value)
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth > 6:
        return REMOVED
    if isinstance(value, Mapping):
        return {str(key): _by_key(str(key), item, depth) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [sanitize(item, depth=depth + 1) for item in list(value)[:100]]
    return sanitize_text(str(value))


def _by_key(key: str, item: object, depth: int) -> object:
    if SECRET_KEY.search(key) or PERSONAL_KEY.match(key):
        return REMOVED
    return sanitize(item, depth=depth + 1)


def sanitize_text(text: str) -> str:
    """`text` without anything that looks like a secret, an address of a person or a card number."""
    text = text[:MAX_TEXT]
    for pattern in PATTERNS:
        text = pattern.sub(REMOVED, text)
    return text.replace("\r", "\\r").replace("\x1b", "\\e")
