"""Validity and equality of e-mail addresses.

An invitation belongs to the person who has verified its address, so two addresses are equal only when mail to both
reaches one person: letter case, Unicode composition and the two spellings of an international domain are ignored;
look-alike letters, dots and tags are not.
"""

import unicodedata

LONGEST = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
LONGEST_LOCAL = 64
FULL_STOPS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})  # RFC 3490 §3.1
FORBIDDEN = frozenset("<>()[],;:\\\"'`")


def is_address(text: str) -> bool:
    """Whether the text is an e-mail address: a local part, one @, a domain with a dot, and no character that could
    break out of a mail header."""
    local, at, domain = text.rpartition("@")
    if not at or not 1 <= len(local) <= LONGEST_LOCAL or len(text) > LONGEST or "@" in local:
        return False
    if not text.isprintable() or any(sign in FORBIDDEN or sign.isspace() for sign in text):
        return False
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    labels = domain.translate(FULL_STOPS).split(".")
    return len(labels) >= 2 and all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    if not 1 <= len(label) <= 63 or label.startswith("-") or label.endswith("-"):
        return False
    return all(sign.isalnum() or sign == "-" or unicodedata.category(sign).startswith("M") for sign in label)


def address_key(text: str) -> str:
    """The same key for every spelling of one address. `Chloé@XN--BCHER-KVA.example` equals `chloé@bücher.example`;
    `strasse` and `straße` differ, because they are two domains."""
    local, _, domain = text.strip().rpartition("@")
    labels = [_label_key(label) for label in domain.translate(FULL_STOPS).rstrip(".").split(".")]
    return f"{_plain(local)}@{'.'.join(labels)}"


def _label_key(label: str) -> str:
    plain = _plain(label)
    if not plain.startswith("xn--"):
        return plain
    try:
        return _plain(plain[4:].encode("ascii").decode("punycode"))
    except (UnicodeError, ValueError):
        return plain


def _plain(text: str) -> str:
    """Lower case in composed form; not case folding, which would make one letter of two."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
