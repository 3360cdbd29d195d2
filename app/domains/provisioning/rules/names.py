"""Names of machines: RFC 1123 labels, because they become host names. Pure."""

import re
from collections.abc import Collection

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RULE = "Use 1 to 63 lower-case letters, digits and hyphens; begin and end with a letter or digit."


def is_name(name: str) -> bool:
    """Whether `name` may be a machine's name."""
    return LABEL.fullmatch(name) is not None


def stem(sku_code: str) -> str:
    """What suggested names of machines of that type begin with."""
    return re.sub(r"[^a-z0-9]+", "-", sku_code.lower()).strip("-")[:56] or "machine"


def suggest(sku_code: str, taken: Collection[str]) -> str:
    """The first free name of the form `h100x8-01`."""
    number = 1
    while (name := f"{stem(sku_code)}-{number:02d}") in taken:
        number += 1
    return name
