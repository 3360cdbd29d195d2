"""Errors of the operator's console."""

from app.shared.errors import Conflict, DomainError


class SecondPersonNeeded(DomainError):
    """The requester may not approve it."""

    code = "second_person_needed"
    status = 403
    title = "You requested this, so a second person has to decide it."


class RequestTooOld(Conflict):
    code = "request_too_old"
    title = "This was requested too long ago."


class AlreadyDecided(Conflict):
    code = "already_decided"
    title = "This has already been decided."


class ChangeNotPossible(Conflict):
    """The command was valid when it was requested and no longer is; the approver sent no field to correct."""

    code = "change_not_possible"
    title = "This change is no longer possible."
