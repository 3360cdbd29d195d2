"""What provisioning refuses, with a reason that a person can act on."""

from app.shared.errors import Conflict, DomainError, ValidationFailed


class NoCapacity(DomainError):
    code = "allocation_no_capacity"
    status = 409
    title = "No machine of this type is free right now."
    retryable = True


class QuotaExceeded(DomainError):
    code = "allocation_quota_exceeded"
    status = 403
    title = "This project may not run more machines at once."


class NameInUse(Conflict):
    code = "allocation_name_in_use"
    title = "A machine of this project has that name already."


class NotCancelable(Conflict):
    code = "allocation_not_cancelable"
    title = "This machine is active already: release it instead."


class NotReleasable(Conflict):
    code = "allocation_not_releasable"
    title = "This machine is not active yet: cancel the launch instead."


class AllocationEnded(Conflict):
    code = "allocation_ended"
    title = "This machine has been released already."


class NotActive(Conflict):
    code = "allocation_not_active"
    title = "This machine is not active, so nobody can log in to it."


class IllegalTransition(Conflict):
    code = "allocation_illegal_transition"
    title = "The machine is in a state that does not allow this."


class ConfirmationMissing(ValidationFailed):
    code = "allocation_confirmation_missing"
    title = "Type the machine's name to confirm."
    field = "confirm_name"


class NodeFault(Exception):
    """The machine is faulty: it is returned and quarantined, and another one is tried. The text is plain."""


class NoLongerWanted(Exception):
    """The allocation was canceled or has ended: whatever is under way for it stops and is undone."""


class ReturnFailed(Exception):
    """MAAS does not take the machine back; it is held until a person has looked. The text is plain."""
