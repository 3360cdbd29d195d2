"""States, manifests, headers, words: pure rules over whatever they may be given."""

import base64
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.appruntime.contracts import Action
from app.domains.appruntime.errors import AppActionRefused, IllegalMove, ManifestInvalid
from app.domains.appruntime.rules import headers, manifests, messages, names, states
from app.domains.appruntime.service.app_sign_in import safe_path
from app.domains.appruntime.service.manifests import built_in

ACTIONS: tuple[Action, ...] = ("stop", "start", "restart", "release")
SEAT = manifests.Seat(
    home="/home/ada", handle="0123456789ab", host="x.apps.localhost", origin="http://x.apps.localhost:8000", name="nb"
)
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";,="), max_size=12)
COOKIE_NAMES = st.one_of(
    HEADER_TEXT.filter(bool),
    st.sampled_from(
        ["berth-session", "__Host-berth-session", "__host-BERTH-app", "berth-app", "berth_theme_berth", "_xsrf"]
    ),
)


# -- states --------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """An app as rows and workflow keep it."""

    state: states.State = "requested"
    wanted: states.Wanted = "running"

    def act(self, action: Action) -> None:
        following = states.begin(self.state, action)
        if self.state == "stopping" and self.wanted == "released":
            return
        self.wanted, self.state = states.WANTED[action], following

    def world(self, choice: int) -> None:
        """What may happen by itself: the next step up, a failure, the end of a stop."""
        if self.state == "stopping":
            for state in states.after_stop(self.wanted):
                self.state = states.move(self.state, state)
            return
        ways: list[states.State] = [
            one for one in states.TRANSITIONS[self.state] if one not in ("released", "stopping")
        ]
        ways = [one for one in ways if not (self.state in states.DOWN and one == "requested")]
        if ways:
            self.state = states.move(self.state, sorted(ways)[choice % len(ways)])


@given(st.lists(st.one_of(st.sampled_from(ACTIONS), st.integers(0, 5)), max_size=30))
def test_no_story_leaves_the_table_and_a_released_app_stays_released(story: list[Action | int]) -> None:
    transitions, released = Life(), False
    for event in story:
        try:
            transitions.act(event) if isinstance(event, str) else transitions.world(event)
        except AppActionRefused:
            assert isinstance(event, str)
        assert not released or transitions.state == "released"
        released = transitions.state == "released"
        if transitions.state == "released":
            assert transitions.wanted == "released"


@given(st.sampled_from(states.STATES))
def test_every_state_may_lose_its_machine_and_only_that_ends_it(state: states.State) -> None:
    if state == "released":
        with pytest.raises(IllegalMove):
            states.move(state, "requested")
    else:
        assert states.move(state, "released") == "released"


@given(st.sampled_from(states.STATES), st.sampled_from(ACTIONS))
def test_an_action_is_refused_or_begins_a_move_of_the_table(state: states.State, action: Action) -> None:
    try:
        following = states.begin(state, action)
    except AppActionRefused:
        assert state not in states.ALLOWED[action]
    else:
        assert following == state == "stopping" or following in states.TRANSITIONS[state]


def test_a_release_that_is_under_way_is_not_taken_back() -> None:
    transitions = Life(state="running")
    transitions.act("release")
    transitions.act("stop")
    transitions.world(0)
    assert transitions.state == "released"


# -- manifests -----------------------------------------------------------------------------------------------


def test_the_manifests_that_come_along_follow_the_schema() -> None:
    found = {manifest.slug: manifest for manifest in (manifests.check(command.body) for command in built_in())}
    assert set(found) == {"echo", "jupyterlab"}
    assert "--hash=sha256:" in found["jupyterlab"].files["jupyterlab.lock"]
    assert "--require-hashes" in found["jupyterlab"].steps[1].command


def test_a_manifest_names_every_place_that_is_wrong() -> None:
    body = dict(built_in()[0].body) | {"slug": "No Spaces", "start_seconds": 0, "extra": 1}
    with pytest.raises(ManifestInvalid) as refused:
        manifests.check(body)
    fields = refused.value.details["fields"]
    assert isinstance(fields, dict) and {"slug", "start_seconds", "manifest"} <= set(fields)


def test_an_app_that_is_never_told_its_socket_is_refused() -> None:
    body = dict(built_in()[0].body) | {"command": ["sleep", "1"]}
    with pytest.raises(ManifestInvalid):
        manifests.check(body)


def test_a_command_line_is_filled_with_known_names_and_nothing_else() -> None:
    body = dict(built_in()[0].body) | {"command": ["{socket}", "{unknown} {home} {'a': 1} ${HOME}"]}
    spec = manifests.spec_of(manifests.check(body), SEAT, 3)
    assert spec["command"] == [
        "/home/ada/.berth/apps/0123456789ab/sock",
        "{unknown} /home/ada {'a': 1} ${HOME}",
    ]
    assert spec["run"] == 3
    json.dumps(spec)


def test_what_is_installed_lies_under_a_name_that_changes_with_it() -> None:
    body = dict(built_in()[1].body)
    first = manifests.check(body)
    second = manifests.check(body | {"files": {"jupyterlab.lock": "other"}})
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == manifests.check(body | {"title": "Other"}).fingerprint


@given(st.sets(st.sampled_from(["echo", "echo-2", "echo-3", "nb"])))
def test_a_suggested_name_is_free_and_a_name(taken: set[str]) -> None:
    name = names.suggest("echo", taken)
    assert name not in taken and names.is_name(name)


# -- headers -------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(COOKIE_NAMES, HEADER_TEXT), max_size=8))
def test_no_cookie_of_ours_reaches_an_app_and_no_other_is_lost(cookies: list[tuple[str, str]]) -> None:
    sent = headers.cookies_for_app("; ".join(f"{name}={value}" for name, value in cookies), "berth")
    got = [part.partition("=")[0] for part in sent.split("; ") if part]
    assert not any(
        "berth-" in name.lower() or name.startswith("berth_theme_") for name in got if headers.is_ours(name, "berth")
    )
    assert got == [name for name, _ in cookies if not headers.is_ours(name, "berth")]


@given(COOKIE_NAMES, st.sampled_from(["", "; Domain=localhost", "; DOMAIN = .apps.localhost", ";domain=x; Path=/"]))
def test_an_app_sets_cookies_for_its_own_host_only_and_none_of_ours(name: str, rest: str) -> None:
    cookie = headers.cookie_for_browser(f"{name}=1; HttpOnly{rest}", "berth")
    if headers.is_ours(name, "berth"):
        assert cookie is None
    else:
        assert cookie is not None and "domain" not in cookie.lower().removeprefix(name.lower())
        assert "HttpOnly" in cookie


def test_hop_by_hop_and_spoofed_headers_end_at_the_proxy() -> None:
    given_headers = [
        (b"Host", b"evil"), (b"Connection", b"keep-alive, X-Secret-Hop"), (b"X-Secret-Hop", b"1"),
        (b"TE", b"trailers"), (b"X-Forwarded-For", b"1.2.3.4"), (b"X-Forwarded-Host", b"evil"),
        (b"Forwarded", b"for=1"),
        (b"X-Real-IP", b"1"),
        (b"Accept", b"*/*"), (b"Cookie", b"berth-app=1; _xsrf=2"),
    ]  # fmt: skip
    passed = headers.request_headers(given_headers, host="a.apps.localhost", scheme="https", instance="berth")
    assert dict(passed) == {
        b"host": b"a.apps.localhost", b"x-forwarded-host": b"a.apps.localhost", b"x-forwarded-proto": b"https",
        b"accept": b"*/*", b"cookie": b"_xsrf=2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "origin", "site", "mode", "dest", "welcome"),
    [
        ("GET", None, None, None, None, True),  # a program
        ("GET", None, "none", "navigate", "document", True),  # typed into the address bar
        ("GET", None, "same-site", "navigate", "document", True),  # a link of the portal or of another app
        ("GET", None, "cross-site", "navigate", None, True),  # the same from a browser that names no destination
        ("GET", None, "same-site", "no-cors", "image", False),  # another app loads it as a picture
        ("GET", None, "same-origin", "navigate", "iframe", True),  # its own page frames it
        ("GET", None, "same-site", "navigate", "iframe", False),  # another app frames it
        ("GET", None, "cross-site", "navigate", "object", False),
        ("GET", None, "cross-site", "navigate", "embed", False),
        ("GET", None, "cross-site", "navigate", "fencedframe", False),
        ("POST", "http://own", "same-origin", "cors", "empty", True),
        ("POST", "http://own", None, None, None, True),
        ("POST", "null", "same-origin", "navigate", "document", True),  # its own form, under no-referrer
        ("POST", "null", "same-site", "navigate", "document", False),
        ("POST", "null", "cross-site", "cors", "empty", False),  # a sandboxed frame
        ("POST", "null", "none", "navigate", "document", False),
        ("POST", "null", None, None, None, False),
        ("POST", "http://other", "same-site", "cors", "empty", False),
        ("POST", "http://other", "same-site", "navigate", "document", False),  # a form of another app
        ("POST", None, "cross-site", "navigate", "document", False),
        ("POST", "http://own, http://own", "same-origin", "cors", "empty", False),
        ("GET", "http://other", None, None, None, False),
    ],
)
def test_only_the_apps_own_pages_and_people_who_follow_a_link_are_welcome(
    method: str, origin: str | None, site: str | None, mode: str | None, dest: str | None, welcome: bool
) -> None:
    assert headers.is_welcome(method, headers.Fetched(origin, site, mode, dest), "http://own") is welcome


@pytest.mark.parametrize(
    ("given_headers", "length"),
    [
        ([], 0),
        ([(b"content-length", b"0")], 0),
        ([(b"Content-Length", b" 12 ")], 12),
        ([(b"transfer-encoding", b"Chunked")], None),
        ([(b"connection", b"content-length"), (b"content-length", b"12")], 12),  # named for this hop: still its frame
    ],
)
def test_a_body_is_as_long_as_its_headers_agree(given_headers: list[headers.Header], length: int | None) -> None:
    assert headers.body_length(given_headers) == length


@pytest.mark.parametrize(
    "given_headers",
    [
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"content-length", b"1, 1")],
        [(b"content-length", b"+1")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"1_0")],
        [(b"content-length", b"0x10")],
        [(b"content-length", b"")],
        [(b"content-length", "\u0661".encode())],
        [(b"content-length", b"9" * 19)],
        [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"gzip")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"chunked, identity")],
        [(b"transfer-encoding", b"xchunked")],
    ],
)
def test_a_body_that_is_framed_ambiguously_is_not_passed_on(given_headers: list[headers.Header]) -> None:
    with pytest.raises(ValueError, match="a "):
        headers.body_length(given_headers)


@given(
    st.lists(st.tuples(st.sampled_from(["content-length", "transfer-encoding", "expect", "x"]), HEADER_TEXT)), st.text()
)
def test_no_framing_of_the_other_side_ever_passes(pairs: list[tuple[str, str]], named: str) -> None:
    wire = [(name.encode(), value.encode()) for name, value in pairs]
    wire.append((b"connection", named.encode()))
    asked = headers.request_headers(wire, host="h", scheme="http", instance="berth")
    answered = headers.response_headers(wire, "berth")
    assert not {name for name, _ in [*asked, *answered]} & {b"content-length", b"transfer-encoding", b"connection"}


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_target_is_a_path_of_visible_characters(path: bytes, query: bytes) -> None:
    target = headers.target_of(b"/" + path, query)
    assert target.startswith(b"/") and all(0x21 <= byte <= 0x7E for byte in target)


@pytest.mark.parametrize("path", [b"", b"http://elsewhere/", b"elsewhere:80", b"**"])
def test_a_target_of_another_form_is_not_passed_on(path: bytes) -> None:
    with pytest.raises(ValueError, match="address"):
        headers.target_of(path, b"")


@pytest.mark.parametrize(
    ("framing", "expected"),
    [("", b"'self'"), ("SAMEORIGIN", b"'self'"), ("DENY", b"'none'"), ("deny", b"'none'"), ("ALLOWALL", b"'self'")],
)
def test_an_app_is_framed_by_its_own_pages_or_by_nobody(framing: str, expected: bytes) -> None:
    own = (b"Content-Security-Policy", b"frame-ancestors *")  # stands beside ours: both hold
    answered = headers.response_headers([own, (b"X-Frame-Options", framing.encode())], "berth")
    policies = [value for name, value in answered if name == b"content-security-policy"]
    assert policies == [b"frame-ancestors *", b"frame-ancestors " + expected]


def test_an_app_cannot_clear_what_other_addresses_keep() -> None:
    answered = headers.response_headers([(b"Clear-Site-Data", b'"cookies"'), (b"Alt-Svc", b"h3"), (b"Date", b"x")], "b")
    assert [name for name, _ in answered] == [b"content-security-policy"]


def _jwt(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    ("value", "ours"),
    [
        (f"Bearer {_jwt({'iss': 'https://b'})}", True),
        (f"bearer  {_jwt({'iss': 'https://b', 'exp': 1})}", True),
        (f"Bearer {_jwt({'iss': 'https://c'})}", False),
        (f"Basic {_jwt({'iss': 'https://b'})}", False),
        (f"Bearer {_jwt(['iss'])}", False),
        ("Bearer sk-something-of-the-app", False),
        ("Bearer a.b.c", False),
        ("Bearer a.\xff\xff.c", False),
        ("", False),
    ],
)
def test_a_token_of_ours_is_known_by_its_issuer(value: str, ours: bool) -> None:
    assert headers.is_our_token(value, "https://b") is ours


@given(st.text(max_size=60))
def test_the_way_in_leads_to_a_path_of_the_apps_own_origin(path: str) -> None:
    safe = safe_path(path)
    assert safe.startswith("/") and not safe.startswith(("//", "/\\", "/_berth/")) and safe.isprintable()


# -- words ---------------------------------------------------------------------------------------------------


def test_a_crash_is_told_with_its_code_and_the_last_line() -> None:
    text = messages.ending(3, None, "", ["starting", "asked to end with code 3", "[berth] exited with code 3"])
    assert text == "It exited with code 3. Its last line: “asked to end with code 3”"
    assert messages.ending(None, "SIGKILL", "", []) == "It was ended by the signal SIGKILL."
    assert messages.ending(None, None, "", []).startswith("It ended without saying why")
