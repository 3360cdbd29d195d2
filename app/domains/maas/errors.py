"""What can go wrong between Berth and MAAS. None of these carries a credential or a 401 body."""

from typing import ClassVar

from app.shared.errors import DomainError


class MaasError(DomainError):
    """Base of all MAAS errors. `answer` is MAAS's response, shortened, for logs and operators; empty after a 401."""

    code = "maas_error"
    status = 502
    title = "The machine controller answered in an unexpected way."
    answer: str = ""


class MaasUnavailable(MaasError):
    """MAAS did not answer, or answered that it cannot right now. The same call may succeed later."""

    code = "maas_unavailable"
    status = 503
    title = "The machine controller does not answer right now. We will try again."
    retryable: ClassVar[bool] = True


class MaasUnreadable(MaasUnavailable):
    """MAAS returned something that cannot be read. It may be readable once it has been repaired there."""

    code = "maas_unreadable"
    status = 502
    title = "The machine controller's answer could not be read."


class MaasOutcomeUnknown(MaasUnavailable):
    """A change was sent and its outcome is unknown: read the machine before sending it again."""

    code = "maas_outcome_unknown"
    title = "The machine controller stopped answering in the middle of a change."


class MaasRefused(MaasError):
    """MAAS refused the request: wrong parameters, a locked machine, or one that is not ours."""

    code = "maas_refused"
    title = "The machine controller refused this."


class MaasConflict(MaasError):
    """The machine is in a state that does not allow this."""

    code = "maas_conflict"
    status = 409
    title = "The machine is in a state that does not allow this."


class NoMachineAvailable(MaasConflict):
    """The requested machine is no longer free."""

    code = "maas_no_machine_available"
    title = "This machine was taken in the meantime."


class MaasNotFound(MaasError):
    """MAAS knows no such machine."""

    code = "maas_not_found"
    status = 404
    title = "The machine controller knows no such machine."


class MaasAuthFailed(MaasError):
    """MAAS does not accept our key."""

    code = "maas_auth_failed"
    title = "The machine controller does not accept our key."


class MaasClockSkew(MaasError):
    """Our clock and that of MAAS differ by more than five minutes, so every signature is refused."""

    code = "maas_clock_skew"
    title = "Our clock and the machine controller's clock differ too much."
