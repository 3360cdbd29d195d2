"""Names of namespaces. Pure."""

import re
from uuid import UUID, uuid5

DEFAULT = "files"
RULE = "Use 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit"
RESERVED = frozenset({"objects", "copies", "uploads"})  # words of our own addresses
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def is_name(text: str) -> bool:
    """Whether a namespace may be called so."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED


def default_id(project_id: UUID) -> UUID:
    """The id of a project's first namespace, which exists from the first look and is written on first use."""
    return uuid5(project_id, DEFAULT)
