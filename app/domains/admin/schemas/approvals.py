"""Pages and JSON of what waits for a second person."""

from typing import get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.contracts.approvals import RequestDetail
from app.shared.approval import ChangeRequest
from app.shared.approval.requests import RequestStatus
from app.shared.errors import ValidationFailed
from app.web.show_code import ApiCall, api_call

PATH = "/admin/approvals"
STATUSES: tuple[RequestStatus, ...] = get_args(RequestStatus)
LOOKS = {
    "requested": ("waiting", "waits for a second person"),
    "approved": ("active", "approved"),
    "rejected": ("ended", "rejected"),
}


class RequestsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[ChangeRequest, ...]
    next_cursor: UUID | None


class RequestsPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/approvals.html gets."""

    rows: tuple[ChangeRequest, ...]
    names: dict[str, str]
    chips: tuple[tuple[str, str, bool], ...]
    looks: dict[str, tuple[str, str]]
    next_href: str | None


class RequestPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/approval.html gets."""

    detail: RequestDetail
    looks: dict[str, tuple[str, str]]
    call: ApiCall


def request_status(word: str) -> RequestStatus | None:
    """Raises ValidationFailed for a state that does not exist."""
    known = next((one for one in STATUSES if one == word), None)
    if word and known is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(STATUSES)}"})
    return known


def requests_page(
    rows: tuple[ChangeRequest, ...], names: dict[str, str], status: str, next_cursor: UUID | None
) -> RequestsPage:
    """The list; the chip that is on leads back to all."""
    chips = tuple((LOOKS[one][1], PATH if one == status else f"{PATH}?state={one}", one == status) for one in STATUSES)
    ahead = {"state": status, "cursor": str(next_cursor)} if status else {"cursor": str(next_cursor)}
    href = f"{PATH}?{urlencode(ahead)}" if next_cursor else None
    return RequestsPage(rows=rows, names=names, chips=chips, looks=LOOKS, next_href=href)


def request_page(detail: RequestDetail) -> RequestPage:
    """One request with the call that approves it."""
    path = f"/api/v1/admin/change-requests/{detail.request.id}/approve"
    words = ("admin", "approvals", "approve", str(detail.request.id))
    return RequestPage(detail=detail, looks=LOOKS, call=api_call("POST", path, {"reason": "…"}, words))
