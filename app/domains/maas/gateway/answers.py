"""What an answer that is no success means: wait and repeat, or which error. Pure decisions on status, headers, text."""

from collections.abc import Mapping, Sequence

import msgspec

from app.domains.maas.contracts import MaasMachine
from app.domains.maas.errors import (
    MaasAuthFailed,
    MaasClockSkew,
    MaasConflict,
    MaasError,
    MaasNotFound,
    MaasOutcomeUnknown,
    MaasRefused,
    MaasUnavailable,
    MaasUnreadable,
)
from app.domains.maas.gateway import wire
from app.shared.numbers import whole_number
from app.shared.records import UNREADABLE, Unread, read_record

LONGEST_WAIT_S = 30.0
ANSWER_LENGTH = 300
_KINDS: dict[int, type[MaasError]] = {404: MaasNotFound, 409: MaasConflict}


def machine(body: bytes) -> MaasMachine:
    """The one machine of an answer. Raises MaasUnreadable."""
    try:
        return read_record(msgspec.json.decode(body), wire.Machine, wire.DECISIVE).ours()
    except UNREADABLE as error:
        raise MaasUnreadable(f"The machine controller's answer could not be read: {error}") from error


def all_read(unread: Sequence[Unread]) -> None:
    """Raises MaasUnreadable when a record was passed over."""
    for record in unread:
        raise MaasUnreadable(f"What the machine controller says of {record.about or 'it'} could not be read.")


def safe_wait(status: int, headers: Mapping[str, str], *, is_read: bool) -> float | None:
    """Seconds to wait when this answer means that nothing was done and a repeat is worth it; else None."""
    named = _retry_after(headers)
    if status == 409 and (named is not None or headers.get("content-type", "").startswith("text/html")):
        return 5.0 if named is None else named  # a lost race in its database; before 3.3.5 without the header
    if status == 503 and named is not None:
        return named
    return 0.0 if is_read and status >= 500 else None


def refusal(status: int, headers: Mapping[str, str], text: str, label: str, *, is_read: bool) -> MaasError:
    """The error for an answer that will not be tried again. A 401 body may hold the true secret: it goes nowhere."""
    if status == 401:
        return (MaasClockSkew if "Expired timestamp" in text else MaasAuthFailed)(operation=label)
    kind = _KINDS.get(status, MaasRefused if status < 500 else MaasUnavailable)
    if status == 404 and text.startswith("Unknown API endpoint"):
        kind = MaasRefused  # not the machine is missing but the API: a wrong base URL
    elif status == 409 and safe_wait(status, headers, is_read=is_read) is not None:
        kind = MaasUnavailable
    elif status >= 500 and not is_read and safe_wait(status, headers, is_read=False) is None:
        kind = MaasOutcomeUnknown
    error = kind(operation=label, http_status=status)
    error.answer = text[:ANSWER_LENGTH]
    return error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = whole_number(headers.get("retry-after", "").strip())
    return None if seconds is None else min(float(seconds), LONGEST_WAIT_S)
