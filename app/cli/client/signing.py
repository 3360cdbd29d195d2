"""`berth login`, `logout`, `whoami`: a browser says who one is, on this computer's loopback address (RFC 8252)."""

import base64
import hashlib
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from app.cli.client import local, output
from app.cli.client.credentials import Login
from app.cli.client.exits import ApiError, Exit, Failure
from app.cli.client.http import COMMAND_LINE, Api
from app.cli.client.options import api_command
from app.cli.client.root import berth

WAIT_SECONDS = 300
LONGEST_SECRET = 4096
DONE = "You are signed in. Close this page and go back to the terminal."
REFUSED = "The command line was not let in. Close this page and go back to the terminal."


class _Waiting(HTTPServer):
    """Answers the browser once, on a port of its own."""

    def __init__(self, state: str, issuer: str) -> None:
        super().__init__(("127.0.0.1", 0), _Callback)
        self.state, self.issuer = state, issuer
        self.code = self.problem = ""

    def wait(self) -> str:
        """The code that the browser brought. Raises Failure."""
        self.timeout = 1
        for _ in range(WAIT_SECONDS):
            self.handle_request()
            if self.code or self.problem:
                break
        if self.code:
            return self.code
        raise Failure(self.problem or "Nobody signed in within five minutes.", Exit.NOT_SIGNED_IN)


class _Callback(BaseHTTPRequestHandler):
    server: _Waiting

    def do_GET(self) -> None:
        """The redirect of the consent page; whatever does not carry our state is none of ours."""
        target = urlsplit(self.path)
        fields = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path != "/callback" or not secrets.compare_digest(fields.get("state", ""), self.server.state):
            self._answer(404, "There is nothing here.")
            return
        if fields.get("iss") != self.server.issuer:
            self.server.problem = "The answer did not come from the server that was asked."
        elif "code" in fields:
            self.server.code = fields["code"]
        else:
            self.server.problem = "The sign-in was not allowed in the browser."
        self._answer(200, DONE if self.server.code else REFUSED)

    def _answer(self, status: int, sentence: str) -> None:
        body = f"<!doctype html><meta charset=utf-8><title>Berth</title><p>{sentence}</p>".encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("referrer-policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """The address holds the code: it is not logged."""


@api_command(berth, "login")
@click.option("--client-id", help="A service account; its secret is read from BERTH_CLIENT_SECRET or standard input.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
def login(api: Api, as_json: bool, client_id: str | None, no_browser: bool) -> None:
    """Sign in: in the browser, or as a service account."""
    if client_id:
        secret = os.environ.get("BERTH_CLIENT_SECRET") or _read_secret()
        found = api.sign_in({"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})
    else:
        found = _in_browser(api, no_browser)
    with api.store.locked():
        api.store.write(api.url, found)
    me = api.get("/api/v1/me")
    if as_json:
        output.show_json(me)
    else:
        output.say(f"Signed in to {api.url} as {me.get('name') or me['id']}.")


def _read_secret() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True, err=True))
    given = local.text_of(sys.stdin.buffer.readline(LONGEST_SECRET + 1), "Standard input", LONGEST_SECRET, "")
    if not given.strip():
        raise Failure("No secret was given.", Exit.USAGE, "Set BERTH_CLIENT_SECRET, or write it to standard input.")
    return given.strip()


def _in_browser(api: Api, no_browser: bool) -> Login:
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with _Waiting(state, api.url) as waiting:
        redirect = f"http://127.0.0.1:{waiting.server_port}/callback"
        asked = {
            "response_type": "code", "client_id": COMMAND_LINE, "redirect_uri": redirect, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        address = f"{api.url}/oauth/authorize?{urlencode(asked)}"
        output.say(f"Open this address to sign in:\n\n  {address}\n", err=True)
        if not no_browser:
            local.browse(address)
        code = waiting.wait()
    proof = {"client_id": COMMAND_LINE, "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    return api.sign_in({"grant_type": "authorization_code", **proof})


@api_command(berth, "logout")
def logout(api: Api, as_json: bool) -> None:
    """Sign out here and end the session at the server."""
    with api.store.locked():
        found = api.store.read(api.url)
        if found is None:
            output.say(f"Nobody is signed in to {api.url}.")
            return
        api.store.write(api.url, None)
    if found.refresh_token:
        try:
            api.form("/oauth/revoke", {"token": found.refresh_token})
        except ApiError as error:
            raise Failure(
                "You are signed out here, but the server did not end the session.", Exit(error.exit_code),
                "End it in Settings, Sessions.", error.correlation_id,
            ) from error  # fmt: skip
    output.say(f"Signed out of {api.url}.")


@api_command(berth, "whoami")
def whoami(api: Api, as_json: bool) -> None:
    """Who one is, where one stands, with which roles."""
    me = api.get("/api/v1/me")
    if as_json:
        output.show_json(me)
        return
    output.show_details(
        [
            ("Server", api.url), ("Name", me.get("name")), ("Kind", me["kind"].replace("_", " ")),
            ("Organisation", me.get("tenant")), ("Project", me.get("project")), ("Roles", ", ".join(me["roles"])),
        ]
    )  # fmt: skip
