"""Pages and JSON of change requests."""

from typing import get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.service.approvals import RequestDetail
from app.shared.approval import ChangeRequest
from app.shared.approval.requests import RequestStatus
from app.shared.errors import ValidationFailed
from app.shared.paging import Slice
from app.web.show_code import ApiCall, api_call

PATH = "/admin/approvals"
STATUSES: tuple[RequestStatus, ...] = get_args(RequestStatus)
LOOKS = {
    "requested": ("waiting", "Requested"),
    "approved": ("active", "Approved"),
    "rejected": ("ended", "Rejected"),
}


class RequestsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[ChangeRequest, ...]
    next_cursor: UUID | None


class RequestsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The chip of the selected state leads back to all requests."""

    rows: tuple[ChangeRequest, ...]
    names: dict[str, str]
    chips: tuple[tuple[str, str, bool], ...]
    looks: dict[str, tuple[str, str]]
    next_href: str | None

    @classmethod
    def of(cls, requests: Slice[ChangeRequest, UUID], names: dict[str, str], status: str) -> "RequestsPage":
        query, after = ({"state": status} if status else {}), requests.next_cursor
        return cls(
            rows=requests.items,
            names=names,
            chips=tuple(
                (LOOKS[one][1], PATH if one == status else f"{PATH}?state={one}", one == status) for one in STATUSES
            ),
            looks=LOOKS,
            next_href=f"{PATH}?{urlencode({**query, 'cursor': after})}" if after else None,
        )


class RequestPage(msgspec.Struct, frozen=True, kw_only=True):
    detail: RequestDetail
    looks: dict[str, tuple[str, str]]
    call: ApiCall

    @classmethod
    def of(cls, detail: RequestDetail) -> "RequestPage":
        path = f"/api/v1/admin/change-requests/{detail.request.id}/approve"
        command = ("admin", "approvals", "approve", str(detail.request.id))
        return cls(detail=detail, looks=LOOKS, call=api_call("POST", path, {"reason": "…"}, command))


def request_status(text: str) -> RequestStatus | None:
    """Raises ValidationFailed for an unknown state."""
    status = next((one for one in STATUSES if one == text), None)
    if text and status is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(STATUSES)}"})
    return status
