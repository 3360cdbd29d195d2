"""Requests that wait for a second person, as operators see and decide them."""

from uuid import UUID

import msgspec

from app.shared.approval import ChangeRequest


class DecideRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject what somebody else asked for."""

    request_id: UUID
    reason: str = ""


class RequestDecided(msgspec.Struct, frozen=True, kw_only=True):
    request_id: UUID
    status: str


class RequestDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A request with names, and what the actor may do about it."""

    request: ChangeRequest
    names: dict[str, str]
    may_decide: bool
    may_withdraw: bool
    why_not: str
