"""What went wrong, as one sentence, a fix, and an exit code that scripts can rely on (docs/cli.md lists them)."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every client command. From 128 on: ended by a signal, as shells count."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    NO_CAPACITY = 7
    NO_CREDIT = 8
    UNAVAILABLE = 9
    RATE_LIMITED = 10
    HUNG_UP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


BY_CODE = {
    "allocation_no_capacity": Exit.NO_CAPACITY,
    "slot_taken": Exit.NO_CAPACITY,
    "insufficient_credit": Exit.NO_CREDIT,
    "idempotency_in_progress": Exit.UNAVAILABLE,
    "invalid_grant": Exit.NOT_SIGNED_IN,
    "invalid_client": Exit.NOT_SIGNED_IN,
}
BY_STATUS = {
    400: Exit.USAGE,
    401: Exit.NOT_SIGNED_IN,
    402: Exit.NO_CREDIT,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    405: Exit.UNEXPECTED,
    406: Exit.USAGE,
    408: Exit.UNAVAILABLE,
    409: Exit.CONFLICT,
    410: Exit.NOT_FOUND,
    412: Exit.CONFLICT,
    413: Exit.USAGE,
    415: Exit.USAGE,
    422: Exit.USAGE,
    428: Exit.USAGE,
    429: Exit.RATE_LIMITED,
    431: Exit.USAGE,
    502: Exit.UNAVAILABLE,
    503: Exit.UNAVAILABLE,
    504: Exit.UNAVAILABLE,
}
FIXES = {
    Exit.NOT_SIGNED_IN: "Sign in with: berth login",
    Exit.NOT_ALLOWED: "Ask an owner of your organisation for the role that allows it.",
    Exit.NO_CAPACITY: "See what is free with: berth skus",
    Exit.NO_CREDIT: "Add credit on the Billing page; berth balance shows what is there.",
    Exit.UNAVAILABLE: "Try again in a moment.",
    Exit.RATE_LIMITED: "Wait a moment, then try again.",
}


class Failure(Exception):
    """Ends the command: a sentence, what to do, and the id under which the server logged it."""

    status: int | None = None
    pause = 0.0  # seconds after which the server wants to be asked again

    def __init__(self, message: str, exit_code: Exit, fix: str = "", correlation_id: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.fix = fix or FIXES.get(exit_code, "")
        self.correlation_id = correlation_id
        self.code = code or exit_code.name.lower()

    def text(self) -> str:
        """What stands on stderr."""
        parts = [f"berth: {self.message}"]
        if self.fix:
            parts.append(f"  {self.fix}")
        if self.correlation_id:
            parts.append(f"  (correlation id {self.correlation_id})")
        return "\n".join(parts)

    def details(self) -> dict[str, object]:
        """The same for programs: `code` is the API's, else the name of the exit code."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "exit_code": int(self.exit_code),
                "fix": self.fix or None,
                "status": self.status,
                "correlation_id": self.correlation_id or None,
            }
        }


class ApiError(Failure):
    """A refusal of the API: its code and status beside the words."""

    def __init__(self, status: int, code: str, message: str, fix: str, correlation_id: str) -> None:
        super().__init__(message, exit_of(status, code), fix, correlation_id, code)
        self.status = status


def exit_of(status: int, code: str) -> Exit:
    """The exit code of a refusal: by its code where that says more than the status."""
    return BY_CODE.get(code) or BY_STATUS.get(status, Exit.UNEXPECTED)


def not_found(what: str, ref: str) -> Failure:
    return Failure(f"There is no {what} {ref!r} here.", Exit.NOT_FOUND)
