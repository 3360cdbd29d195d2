"""What access to machines refuses, with a reason that a person can act on."""

from app.shared.errors import Conflict, DomainError, ValidationFailed


class KeyRejected(ValidationFailed):
    """The message says which rule the key breaks and what to do; it never repeats the key."""

    code = "ssh_key_refused"
    status = 422
    title = "This is not a public key that can be used."


class KeyKnown(Conflict):
    code = "ssh_key_registered"
    title = "You have registered this key already."


class KeyNameTaken(Conflict):
    code = "ssh_key_name_taken"
    title = "You have a key of that name already."


class TooManyKeys(Conflict):
    code = "ssh_key_limit"
    title = "That is as many keys as there may be."


class NodeUnreachable(DomainError):
    """The machine did not answer; nobody knows whether it is well."""

    code = "allocation_node_unreachable"
    status = 503
    title = "The machine does not answer right now."
    retryable = True


class NodeRefused(DomainError):
    """The machine answered, and not as a healthy one would."""

    code = "allocation_node_refused"
    status = 502
    title = "The machine did not accept our login or could not do what we asked."
