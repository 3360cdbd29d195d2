"""One API call as the handlers see it: parsed parameters, the caller, and the refusals of MAAS.

It owns how bodies are read (forms only; JSON is silently empty) and how booleans are understood.
"""

import base64
import binascii
from collections.abc import Callable
from email import message_from_bytes
from urllib.parse import parse_qs

import msgspec
from multipart import parse_options_header

from devstack.simulators.http import Request, Response
from devstack.simulators.maas.oauth import User
from devstack.simulators.maas.region import Region
from devstack.simulators.maas.render import Json, encode
from devstack.simulators.maas.store import Machine

JSON_TYPE = "application/json; charset=utf-8"
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})
Params = dict[str, list[str]]


class Refusal(Exception):
    """An answer other than 200, raised from anywhere inside a handler."""

    def __init__(self, status: int, body: str | Json = "") -> None:
        super().__init__(body)
        if isinstance(body, str):
            self.response = Response(status, body.encode())
        else:
            self.response = Response(status, encode(body), JSON_TYPE)


def answer(value: object) -> Response:
    """`value` as the JSON MAAS sends."""
    return Response(200, encode(value), JSON_TYPE)


def answer_bytes(body: bytes) -> Response:
    """JSON that is encoded already."""
    return Response(200, body, JSON_TYPE)


def read_form(request: Request) -> Params | None:
    """The form fields of a body; None when it was JSON (which MAAS then overlooks). Raises Refusal."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if not request.body or kind == "application/x-www-form-urlencoded":
        return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    if kind == "multipart/form-data":
        return _multipart(request.body, options.get("boundary", ""))
    if kind == "application/json":
        try:
            msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            raise Refusal(400, "Bad Request") from None
        return None
    raise Refusal(500, f"Unable to parse a body of type {kind}")  # the wording was not observed


def _multipart(body: bytes, boundary: str) -> Params:
    """As Django reads it: parts without a name are passed over (an empty body has only such), base64 is undone."""
    if not boundary:
        raise Refusal(400, "Bad Request")
    found: Params = {}
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(sections) < 2:
        raise Refusal(400, "Bad Request")
    for section in sections[1:]:
        if section.startswith(b"--"):
            break
        head, blank, content = section.partition(b"\r\n\r\n")
        headers = message_from_bytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
        name = headers.get_param("name", header="content-disposition")
        if not blank or not isinstance(name, str):
            continue
        if str(headers.get("content-transfer-encoding", "")).strip().lower() == "base64":
            try:
                content = base64.b64decode(content)
            except binascii.Error:
                raise Refusal(400, "Bad Request") from None
        found.setdefault(name, []).append(content.decode("utf-8", "replace"))
    return found


class Call:
    """A request that reached a handler. `form` is empty for JSON bodies, and `was_json` says so."""

    def __init__(self, region: Region, request: Request, user: User | None, params: dict[str, str]) -> None:
        self.region = region
        self.params = params
        self.query: Params = parse_qs(request.query_string, keep_blank_values=True)
        form = read_form(request) if request.method in ("POST", "PUT") else {}
        self.was_json = form is None
        self.form: Params = form or {}
        self._user = user

    @property
    def user(self) -> User:
        """Who signed. Only anonymous handlers may run without one."""
        if self._user is None:
            raise Refusal(401, "Forbidden")
        return self._user

    def named_op(self) -> str | None:
        """The operation asked for in the query or, failing that, in the form."""
        named = self.query.get("op") or self.form.get("op")
        return named[-1] if named else None

    def text(self, name: str, default: str = "") -> str:
        """A form field, the last one when it is repeated."""
        return self.form.get(name, [default])[-1]

    def flag(self, name: str) -> bool:
        """A StringBool field: false when missing. Raises Refusal (400) on anything but a boolean word."""
        value = self.text(name, "false").lower()
        if value not in _TRUE | _FALSE:
            raise Refusal(400, f"Invalid {name}: Value should be 'true' or 'false'")
        return value in _TRUE

    def django_flag(self, name: str) -> bool:
        """A field of release: only false, 0, empty and absent are false; any other text is true."""
        return self.text(name).lower() not in {"", "false", "0"}

    def machine(self) -> Machine:
        """The machine of the path, if the caller may see it: else 404, or 403 without a word."""
        machine = self.region.store.machines.get(self.params["system_id"])
        if machine is None or self.region.vanished(machine):
            raise Refusal(404, "No Machine matches the given query.")
        if not self.region.may_see(self.user, machine):
            raise Refusal(403)
        return machine

    def editable_machine(self) -> Machine:
        """The machine of the path, if the caller may change it: a lock stops even an administrator."""
        machine = self.machine()
        mine = machine.owner in (None, self.user.username) or self.user.is_superuser
        if machine.locked or not mine:
            raise Refusal(403)
        return machine

    def admin(self) -> None:
        """Stop everybody but administrators."""
        if not self.user.is_superuser:
            raise Refusal(403)

    def noted(self) -> str:
        """The description of a user action: `(berth) - comment`."""
        comment = self.text("comment")
        return f"({self.user.username}) - {comment}" if comment else f"({self.user.username})"


class Action(msgspec.Struct, frozen=True):
    """One thing a handler does: restful (`op` None; name create, read, update or delete) or a named operation."""

    name: str
    method: str
    run: Callable[[Call], Response]
    doc: str
    op: str | None = None


class Resource(msgspec.Struct, frozen=True):
    """A handler under its real name and path. `anonymous` actions need no signature."""

    name: str
    path: str
    doc: str
    actions: tuple[Action, ...]
    anonymous: tuple[Action, ...] = ()


def operation(name: str, method: str, run: Callable[[Call], Response]) -> Action:
    """An action called by `op`."""
    return Action(name, method, run, (run.__doc__ or "").strip(), name)


def restful(name: str, run: Callable[[Call], Response]) -> Action:
    """An action called by its HTTP method alone."""
    method = {"create": "POST", "read": "GET", "update": "PUT", "delete": "DELETE"}[name]
    return Action(name, method, run, (run.__doc__ or "").strip())
