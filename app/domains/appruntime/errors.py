"""What appruntime refuses."""

from app.shared.errors import Conflict, DomainError, ValidationFailed


class ManifestInvalid(DomainError):
    """`fields` names each place and what is wrong there."""

    code = "app_manifest_invalid"
    status = 422
    title = "This manifest does not follow the published schema."


class ManifestTaken(Conflict):
    code = "app_manifest_published"
    title = "This version has been published with another content, and a published version never changes."


class AppNameInUse(Conflict):
    code = "app_name_in_use"
    title = "An app of this project has that name already."


class TooManyApps(Conflict):
    code = "app_too_many"
    title = "This project runs as many apps as it may. Release one first."


class MachineTooSmall(Conflict):
    code = "app_machine_too_small"
    title = "This machine has less than the app needs."


class AppActionRefused(Conflict):
    """`state` is the app's own; `action` what was asked for."""

    code = "app_action_refused"
    title = "The app is in a state that does not allow this."


class IllegalMove(Conflict):
    code = "app_illegal_transition"
    title = "The app is in a state that does not allow this."


class LastOwner(Conflict):
    code = "app_last_owner"
    title = "Somebody has to own the app: make another person its owner first."


class NotOneOfUs(ValidationFailed):
    code = "app_member_unknown"
    title = "Only people of this project can be added."
    field = "email"


class NotOpenable(Conflict):
    code = "app_not_running"
    title = "The app is not running, so it cannot be opened."


class PersonsOnly(DomainError):
    code = "app_browser_only"
    status = 403
    title = "Apps are opened from a person's browser session."


class MachineSilent(DomainError):
    """The machine did not answer; nobody knows how the app is."""

    code = "app_machine_unreachable"
    status = 503
    title = "The machine does not answer right now."
    retryable = True


class MachineRefused(DomainError):
    """The machine answered, and did not do what we asked."""

    code = "app_machine_refused"
    status = 502
    title = "The machine could not do what we asked."


class MalformedRequest(DomainError):
    """What a client sent to an app cannot be passed on: its framing is ambiguous or it is no HTTP/1.1."""

    code = "app_request_malformed"
    status = 400
    title = "This request cannot be passed on to the app as it is."


class AccessEnded(DomainError):
    """The right to use an app ended while it had not answered yet."""

    code = "app_access_ended"
    status = 403
    title = "Your access to this app has ended."


class NoLongerWanted(Exception):
    """The app was stopped or released meanwhile: whatever is under way for it stops."""


class AppFailed(Exception):
    """The app did not come up; the text is plain."""
