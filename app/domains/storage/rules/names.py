"""Names of namespaces."""

import re
from uuid import UUID, uuid5

DEFAULT = "files"
RULE = "Use 1 to 40 of a-z, 0-9 and -, starting and ending with a letter or digit"
RESERVED = frozenset({"objects", "copies", "uploads"})  # parts of Berth's own addresses
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def is_name(text: str) -> bool:
    """Whether a namespace may have this name."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED


def default_id(project_id: UUID) -> UUID:
    """The id of a project's default namespace, which always exists and is stored on first use."""
    return uuid5(project_id, DEFAULT)
