"""The orders in which the files of a folder can be listed."""

from typing import Literal, get_args

from app.shared.errors import ValidationFailed

Sort = Literal["name", "-name", "size", "-size", "changed", "-changed"]
SORTS: tuple[Sort, ...] = get_args(Sort)


def sort_of(text: str) -> Sort:
    """Raises ValidationFailed for an order that does not exist."""
    if text not in SORTS:
        raise ValidationFailed(fields={"sort": "is one of " + ", ".join(SORTS)})
    return text
