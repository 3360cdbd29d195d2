"""“Show me the code”: what a form does, as curl, Python and the command line, made from the same command.

A page struct carries an `ApiCall`; `components/code_tabs.html` draws it. Secrets and tokens are never filled in.
"""

import pprint
import shlex

import msgspec


class ApiCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the JSON API. `cli` are the words of the same `berth` command."""

    method: str
    path: str
    body: dict[str, object] | None = None
    cli: tuple[str, ...] = ()


def call(method: str, path: str, body: msgspec.Struct | None = None, cli: tuple[str, ...] = ()) -> ApiCall:
    """From the very struct that the API takes as its body."""
    return ApiCall(method=method, path=path, body=None if body is None else msgspec.to_builtins(body), cli=cli)


def api_call(method: str, path: str, body: dict[str, object] | None = None, cli: tuple[str, ...] = ()) -> ApiCall:
    """For a template whose form is one button: `ui.code_tabs(api_call("POST", …), shell.public_url)`."""
    return ApiCall(method=method, path=path, body=body, cli=cli)


def as_curl(request: ApiCall, base_url: str) -> str:
    """For a POSIX shell with a token in `$BERTH_TOKEN`."""
    address = shlex.quote(f"{base_url}{request.path}")  # a query has characters that a shell reads
    globs = "--globoff " if set("[]{}") & set(request.path) else ""  # and some that curl itself does
    lines = [f"curl {globs}-X {request.method} {address}", '-H "Authorization: Bearer $BERTH_TOKEN"']
    if request.method != "GET":
        lines.append('-H "X-Idempotency-Key: $(uuidgen)"')
    if request.body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(msgspec.json.encode(request.body).decode())}")
    return " \\\n  ".join(lines)


def as_python(request: ApiCall, base_url: str) -> str:
    """With the `requests` package."""
    keyed = request.method != "GET"
    lines = ["import os, uuid, requests" if keyed else "import os, requests", ""]
    lines.append(f'headers = {{"Authorization": f"Bearer {{os.environ[\'BERTH_TOKEN\']}}"{_KEY if keyed else ""}}}')
    arguments = "headers=headers"
    if request.body is not None:
        lines.append(f"body = {pprint.pformat(request.body, sort_dicts=False, width=88)}")
        arguments += ", json=body"
    lines.append(f"answer = requests.{request.method.lower()}({_literal(base_url + request.path)}, {arguments})")
    lines += ["answer.raise_for_status()", "print(answer.json())"]
    return "\n".join(lines)


def _literal(text: str) -> str:
    """A text in Python's own words, in double quotes where that is the same."""
    plain = text.isprintable() and not set('"\\') & set(text)
    return f'"{text}"' if plain else repr(text)


_KEY = ', "X-Idempotency-Key": str(uuid.uuid4())'


def as_cli(request: ApiCall) -> str:
    """The same with the `berth` command; empty when there is none."""
    return shlex.join(("berth", *request.cli)) if request.cli else ""
