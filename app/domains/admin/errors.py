"""What the operator's console refuses, with a reason that one can act on."""

from app.shared.errors import Conflict, DomainError


class SecondPersonNeeded(DomainError):
    """Who asked for it may not approve it."""

    code = "second_person_needed"
    status = 403
    title = "You asked for this, so somebody else has to decide it."


class RequestTooOld(Conflict):
    code = "request_too_old"
    title = "This was asked for too long ago."


class AlreadyDecided(Conflict):
    code = "already_decided"
    title = "This was decided already."


class ChangeNotPossible(Conflict):
    """What was right when it was asked for is not at the decision: who approves sent no field that could be mended."""

    code = "change_not_possible"
    title = "What was asked for cannot be done any more."
