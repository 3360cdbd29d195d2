"""Names of apps, as people and the command line use them. Pure."""

import re
from collections.abc import Collection

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RULE = "Use 1 to 63 lower-case letters, digits and hyphens; begin and end with a letter or digit."


def is_name(name: str) -> bool:
    """Whether `name` may be an app's name."""
    return LABEL.fullmatch(name) is not None


def suggest(slug: str, taken: Collection[str]) -> str:
    """The slug itself, or the first free name of the form `jupyterlab-2`."""
    number, name = 1, slug
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    return name
