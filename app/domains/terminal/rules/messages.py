"""Why a shell ended, and what to do next, in words. The codes are stable; they are stored and sent to programs."""

from typing import Final, Literal

import msgspec

from app.shared.authz.rights import Ended

Next = Literal["reopen", "sign_in", "machines", "retry", "none"]


class Ending(msgspec.Struct, frozen=True):
    """One reason. `next` names the button under the sentence."""

    code: str
    reason: str
    advice: str
    next: Next


_ENDINGS = (
    Ending("exited", "The shell exited.", "Everything on the machine is as you left it.", "reopen"),
    Ending("signed_out", "You signed out.", "Sign in again to open a new shell.", "sign_in"),
    Ending(
        "session_revoked",
        "This session was ended from another browser.",
        "Sign in again if that was you; if not, look at your sessions.",
        "sign_in",
    ),
    Ending("session_expired", "Your sign-in has run out.", "Sign in again to open a new shell.", "sign_in"),
    Ending(
        "session_replaced",
        "You signed in again in this browser, which ended the earlier session and its shells.",
        "Open a new shell under the new session.",
        "reopen",
    ),
    Ending(
        "released",
        "This machine is being released.",
        "Its disks are being erased. You can launch another one.",
        "machines",
    ),
    Ending(
        "exhausted",
        "This machine was released because the credit is used up.",
        "Add credit, then launch another one.",
        "machines",
    ),
    Ending(
        "operator",
        "An operator took this machine back.",
        "Your Activity page says who and why.",
        "machines",
    ),
    Ending(
        "access_removed",
        "You no longer have a role that opens shells in this project.",
        "Ask an owner of the organisation if that is a mistake.",
        "machines",
    ),
    Ending(
        "suspended",
        "Your account was suspended.",
        "What runs on the machine goes on. Write to the operator if that is a mistake.",
        "none",
    ),
    Ending(
        "organisation_suspended",
        "The organisation of this machine was suspended.",
        "What runs on the machine goes on. Ask an owner of the organisation, or the operator.",
        "none",
    ),
    Ending("gone", "This machine is not active any more.", "Your machines page says what happened to it.", "machines"),
    Ending(
        "connection_lost",
        "The machine closed the connection.",
        "It may be restarting. What ran in the foreground of this shell has ended.",
        "reopen",
    ),
    Ending(
        "unreachable",
        "The machine does not answer right now.",
        "It may be restarting. Wait a moment, then try again.",
        "retry",
    ),
    Ending(
        "untrusted",
        "What answers at this address could not prove that it is your machine, so nothing was sent to it.",
        "Tell the operator; do not log in another way.",
        "machines",
    ),
    Ending(
        "refused",
        "The machine did not accept the login.",
        "Your access may just have been taken away. Reload the machine's page to see.",
        "machines",
    ),
    Ending(
        "portal_restarted",
        "The portal was restarted, which ended this shell.",
        "What ran under tmux, screen or nohup is still there.",
        "reopen",
    ),
    Ending("no_host", "No shell can be opened at the moment.", "Try again in a minute.", "retry"),
    Ending(
        "idle",
        "Nobody had this shell open for a long time, so it was closed.",
        "Start long work under tmux or nohup to keep it whatever happens here.",
        "reopen",
    ),
    Ending("closed", "You closed this shell.", "", "reopen"),
)
ENDINGS: Final[dict[str, Ending]] = {ending.code: ending for ending in _ENDINGS}
_BY_SESSION = {
    "suspended": "suspended",
    "signed out": "signed_out",
    "expired": "session_expired",
    "signed in again": "session_replaced",
    "replaced": "session_replaced",
}
_BY_RELEASE = {"customer": "released", "exhausted": "exhausted", "operator": "operator"}


def ending(code: str) -> Ending:
    """The words for a code; one that an older release stored is told plainly."""
    return ENDINGS.get(code) or Ending(code, "This shell has ended.", "", "reopen")


def code_of_session_end(reason: str) -> str:
    """The code for why a browser session ended, as auth names it."""
    return _BY_SESSION.get(reason, "session_revoked")


def code_of_ending(ended: Ended) -> str:
    """The code for why the right to a shell ended."""
    if ended.code == "signed_out":
        return code_of_session_end(ended.detail)
    return ended.code if ended.code in ENDINGS else "access_removed"


def code_of_release(reason: str | None) -> str:
    """The code for why an allocation ended, as provisioning names it."""
    return _BY_RELEASE.get(reason or "", "gone")
