"""What the terminal refuses."""

from app.shared.errors import Conflict, DomainError


class TerminalTokenInvalid(DomainError):
    """Never says which part was wrong: used, old, another browser's or another page's."""

    code = "terminal_token_invalid"
    status = 403
    title = "This way into the terminal is used up or was not made for this page."


class TooManyTerminals(Conflict):
    code = "terminal_too_many"
    title = "You have as many shells open as one person may. Close one first."


class BrowserOnly(DomainError):
    code = "terminal_browser_only"
    status = 403
    title = "The terminal belongs to a person's browser session; programs log in by SSH."


class TerminalEnded(Conflict):
    """`why` is an ending's code."""

    code = "terminal_ended"
    title = "This shell has ended."


class ShellUnavailable(DomainError):
    """The machine let no shell be opened; `code_of_ending` says why."""

    code = "terminal_unavailable"
    status = 503
    title = "No shell could be opened on the machine."
    retryable = True

    def __init__(self, ending: str) -> None:
        self.ending = ending
        super().__init__(reason=ending)
