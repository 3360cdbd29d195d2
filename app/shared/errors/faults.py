"""Collects all field errors of a command, under the field names of the request.

A use case speaks of the fields of its command; where the wire struct calls one otherwise it says so in `WIRE_NAMES`,
and the renderer tells the caller's name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from app.shared.errors.common import FieldErrors, NotFound, ValidationFailed


class Faults:
    """`with Faults() as faults:` raises ValidationFailed at its end when something was found."""

    def __init__(self) -> None:
        self.fields: FieldErrors = {}

    def __enter__(self) -> "Faults":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and self.fields:
            raise ValidationFailed(fields=self.fields)

    def unless(self, holds: bool, field: str, text: str) -> None:
        """One fault for each field: the first that was found."""
        if not holds:
            self.fields.setdefault(field, text)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What is refused inside joins the others."""
        try:
            yield
        except ValidationFailed as refusal:
            if not refusal.fields:
                raise
            self.fields = refusal.fields | self.fields


@contextmanager
def named(field: str, text: str) -> Iterator[None]:
    """What a field of the request names must be there: NotFound inside becomes a refusal of that field."""
    try:
        yield
    except NotFound as error:
        raise ValidationFailed(fields={field: text}) from error
