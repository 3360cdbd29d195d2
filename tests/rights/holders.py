"""The register of everything that holds a right for longer than one request: whose right it is, how soon after its end
it is over, how it is asked about again, and in which ways it ends.

A new kind begins here. `tests/architecture/test_holders.py` finds the places in the source that make sockets, secrets,
tokens, certificates or signed addresses and are in no entry; `tests/rights/test_crossing.py` crosses every entry with
every way in which a right ends.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from app.shared.authz import Permission


class Way(StrEnum):
    """How a right ends."""

    REMOVED = "removed"
    ROLE_LOWERED = "role lowered"
    PROJECT_LEFT = "project left"
    PERSON_SUSPENDED = "person suspended"
    ORGANISATION_SUSPENDED = "organisation suspended"
    OUT_OF_CREDIT = "out of credit"
    SIGNED_OUT = "sign-out"
    KEY_DELETED = "key deleted"
    ACCOUNT_DISABLED = "service account disabled"
    MACHINE_RELEASED = "machine released"
    FILE_PURGED = "file purged"


W = Way
ROLE = frozenset({W.REMOVED, W.ROLE_LOWERED, W.PROJECT_LEFT, W.PERSON_SUSPENDED, W.ORGANISATION_SUSPENDED})
MACHINE = frozenset({W.OUT_OF_CREDIT, W.MACHINE_RELEASED})
HANDED_OUT = ROLE - {W.PROJECT_LEFT}
_OF_PERSONS = "only people have one, and they sign in"
_NO_FILE = "it is about no file"
_NO_MACHINE = "it is about no machine"
_NO_KEY = "no SSH key of the person is in it"
_OUTLIVES = "it is the organisation's, and outlives the sign-in that made it"
_ADMINS = "admins of the organisation hand it out, whatever project they are in"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One kind. `bound_seconds`: over at the latest so long after its right has ended. `asks`: how it is asked about
    again. `untouched`: the ways that do not end it, each with why. `made_in`: file:function."""

    name: str
    permission: Permission
    bound_seconds: float
    asks: str
    ended_by: frozenset[Way]
    untouched: Mapping[Way, str]
    made_in: tuple[str, ...] = ()


_D = "app/domains"
HOLDERS = (
    Holder(
        name="browser session",
        permission=Permission.PROFILE,
        bound_seconds=5,
        asks="each request reads who it is; the answer is kept for five seconds and forgotten at a change",
        ended_by=ROLE | {W.SIGNED_OUT},
        untouched={
            W.OUT_OF_CREDIT: "people sign in to add credit",
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: _OF_PERSONS,
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(f"{_D}/auth/service/sign_in.py:sign_in", f"{_D}/auth/service/oidc.py:start"),
    ),
    Holder(
        name="command line",
        permission=Permission.PROFILE,
        bound_seconds=5,
        asks="each request reads who it is; the answer is kept for five seconds",
        ended_by=ROLE | {W.SIGNED_OUT},
        untouched={
            W.OUT_OF_CREDIT: "people sign in to add credit",
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: _OF_PERSONS,
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(f"{_D}/auth/service/programs.py:_tokens", f"{_D}/auth/service/programs.py:redeem"),
    ),
    Holder(
        name="terminal",
        permission=Permission.TERMINAL_OPEN,
        bound_seconds=5,
        asks="every two seconds, and at once when a sign-in or a machine ends",
        ended_by=ROLE | MACHINE | {W.SIGNED_OUT},
        untouched={
            W.KEY_DELETED: "its key is made for it and lives in memory",
            W.ACCOUNT_DISABLED: _OF_PERSONS,
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(
            f"{_D}/terminal/handlers/ws.py:terminal_socket",
            f"{_D}/terminal/service/tickets.py:mint",
            f"{_D}/terminal/service/host.py:open",
            f"{_D}/terminal/service/handshake.py:connect",
            f"{_D}/terminal/service/handshake.py:accept",
            f"{_D}/terminal/gateway.py:open_shell",
        ),
    ),
    Holder(
        name="SSH certificate",
        permission=Permission.TERMINAL_OPEN,
        bound_seconds=5,
        asks="every two seconds, and at once at a change; the machine refuses its serial and ends its connections",
        ended_by=ROLE | MACHINE | {W.SIGNED_OUT, W.KEY_DELETED, W.ACCOUNT_DISABLED},
        untouched={W.FILE_PURGED: _NO_FILE},
        made_in=(
            f"{_D}/provisioning/service/access.py:certify_key",
            f"{_D}/releases/service/certificates.py:certify_key",
        ),
    ),
    Holder(
        name="SSH key on a machine",
        permission=Permission.TERMINAL_OPEN,
        bound_seconds=5,
        asks="every two seconds, and at once at a change; the machine gets the whole list anew",
        ended_by=ROLE | MACHINE | {W.KEY_DELETED, W.ACCOUNT_DISABLED},
        untouched={W.SIGNED_OUT: "a key is there to be used without a sign-in", W.FILE_PURGED: _NO_FILE},
    ),
    Holder(
        name="app session",
        permission=Permission.APP_OPEN,
        bound_seconds=5,
        asks="each request, open connections every two seconds, and at once at a change",
        ended_by=ROLE | MACHINE | {W.SIGNED_OUT},
        untouched={
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: "a program shows its token at each request",
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(
            f"{_D}/appruntime/service/app_sign_in.py:browser_secret",
            f"{_D}/appruntime/service/app_sign_in.py:open_by_handle",
            f"{_D}/appruntime/service/app_sign_in.py:redeem",
        ),
    ),
    Holder(
        name="live socket",
        permission=Permission.TEAM_READ,
        bound_seconds=5,
        asks="every two seconds; it names only what changed, each page fetches that with the rights of then",
        ended_by=(ROLE - {W.ROLE_LOWERED}) | {W.SIGNED_OUT},
        untouched={
            W.ROLE_LOWERED: "every role may hear that something changed",
            W.OUT_OF_CREDIT: "people add credit on these pages",
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: _OF_PERSONS,
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(f"{_D}/notification/handlers/ws.py:live",),
    ),
    Holder(
        name="public link",
        permission=Permission.STORAGE_WRITE,
        bound_seconds=5,
        asks="each time that it is followed; what it leads to lives for five seconds",
        ended_by=ROLE | {W.ACCOUNT_DISABLED, W.FILE_PURGED},
        untouched={
            W.OUT_OF_CREDIT: "files stay when machines go",
            W.SIGNED_OUT: _OUTLIVES,
            W.KEY_DELETED: _NO_KEY,
            W.MACHINE_RELEASED: _NO_MACHINE,
        },
        made_in=(f"{_D}/storage/service/links.py:address", f"{_D}/storage/service/links.py:_read"),
    ),
    Holder(
        name="address of a file",
        permission=Permission.STORAGE_READ,
        bound_seconds=5,
        asks="it cannot be taken back, so it lives for five seconds; another one is asked for",
        ended_by=ROLE | {W.SIGNED_OUT, W.ACCOUNT_DISABLED, W.FILE_PURGED},
        untouched={
            W.OUT_OF_CREDIT: "files stay when machines go",
            W.KEY_DELETED: _NO_KEY,
            W.MACHINE_RELEASED: _NO_MACHINE,
        },
        made_in=(
            f"{_D}/storage/gateway/s3.py:_sign",
            f"{_D}/storage/service/views.py:download_url",
            f"{_D}/storage/service/views.py:image",
        ),
    ),
    Holder(
        name="upload under way",
        permission=Permission.STORAGE_WRITE,
        bound_seconds=5,
        asks="when it is finished: until then nobody sees what was sent, and what is never finished is thrown away; "
        "its addresses live for a minute and are dead once it was finished or canceled",
        ended_by=ROLE | {W.SIGNED_OUT, W.ACCOUNT_DISABLED},
        untouched={
            W.OUT_OF_CREDIT: "files stay when machines go",
            W.KEY_DELETED: _NO_KEY,
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: "there is no file yet",
        },
        made_in=(f"{_D}/storage/service/transfer.py:_put", f"{_D}/storage/service/transfer.py:sign_parts"),
    ),
    Holder(
        name="copy to a machine",
        permission=Permission.TERMINAL_OPEN,
        bound_seconds=5,
        asks="before its first byte, then every two seconds",
        ended_by=ROLE | MACHINE | {W.ACCOUNT_DISABLED, W.FILE_PURGED},
        untouched={W.SIGNED_OUT: "it was asked for and goes on", W.KEY_DELETED: _NO_KEY},
        made_in=(f"{_D}/storage/service/copies.py:send", f"{_D}/storage/gateway/ssh.py:send_file"),
    ),
    Holder(
        name="service account",
        permission=Permission.SERVICE_ACCOUNT_MANAGE,
        bound_seconds=5,
        asks="each request asks about the account, who answers for it and who made the credential",
        ended_by=HANDED_OUT | {W.ACCOUNT_DISABLED},
        untouched={
            W.PROJECT_LEFT: _ADMINS,
            W.OUT_OF_CREDIT: "programs read statements and files",
            W.SIGNED_OUT: _OUTLIVES,
            W.KEY_DELETED: _NO_KEY,
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
        made_in=(
            f"{_D}/auth/service/accounts.py:create_credential",
            f"{_D}/auth/service/tokens.py:issue_token",
        ),
    ),
    Holder(
        name="invitation",
        permission=Permission.TEAM_MANAGE,
        bound_seconds=5,
        asks="when it is accepted, and every two seconds",
        ended_by=HANDED_OUT,
        untouched={
            W.PROJECT_LEFT: _ADMINS,
            W.OUT_OF_CREDIT: "people may join to add credit",
            W.SIGNED_OUT: _OUTLIVES,
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: "programs hold no role that invites",
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
    ),
    Holder(
        name="webhook",
        permission=Permission.WEBHOOK_MANAGE,
        bound_seconds=5,
        asks="before each message, and every two seconds",
        ended_by=HANDED_OUT,
        untouched={
            W.PROJECT_LEFT: _ADMINS,
            W.OUT_OF_CREDIT: "that the credit is used up is what it tells",
            W.SIGNED_OUT: _OUTLIVES,
            W.KEY_DELETED: _NO_KEY,
            W.ACCOUNT_DISABLED: "programs hold no role that adds one",
            W.MACHINE_RELEASED: _NO_MACHINE,
            W.FILE_PURGED: _NO_FILE,
        },
    ),
)
_MANAGEMENT = "our own way to a machine: for minutes, one command, no person's right"
_PROOF = "our own proof of a login before anybody has one"
NOT_HELD: Mapping[str, str] = {
    f"{_D}/appruntime/gateway/link.py:connect": "the portal's own connection; who passes it is asked by the gate",
    f"{_D}/appruntime/service/links.py:_connect": "the portal's own connection; who passes it is asked by the gate",
    f"{_D}/appruntime/service/links.py:manager_of": _MANAGEMENT,
    f"{_D}/provisioning/handlers/rest_connect.py:sign_ssh_certificate": "asks the use case above",
    f"{_D}/releases/gateway.py:_ask": _MANAGEMENT,
    f"{_D}/releases/gateway.py:try_login": _PROOF,
    f"{_D}/releases/service/certificates.py:login_target": "its key lives in the memory of the process that asked; its "
    "callers are in the register",
    f"{_D}/releases/service/certificates.py:management_target": _MANAGEMENT,
    f"{_D}/releases/service/machines.py:node_of": _MANAGEMENT,
    f"{_D}/releases/service/machines.py:prove_login": _PROOF,
    "app/shared/ssh/dial.py:_connect": "the one connection to a machine; its callers are in the register",
    f"{_D}/releases/service/certificates.py:mint_management_certificate": _MANAGEMENT,
    f"{_D}/releases/service/certificates.py:mint_user_certificate": "made for the functions above",
}
