"""What HTTP asks of every address (RFC 9110, 6750), tried on every route that the application has, by every method."""

import re
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING

import httpx
import pytest

from app.shared.authz.permissions import is_platform
from app.web.kept import KEPT
from app.web.media import is_accepted, read_by, written_by
from app.web.middleware.methods import is_match
from tests.architecture.test_routes import _fill, _routes
from tests.fixtures.app import Browser, SignIn, expire

if TYPE_CHECKING:
    from litestar import Litestar

    from app.shared.authz import Actor
    from app.shared.context import Runtime

WAITS = ("/api/v1/events",)  # a long poll
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.fixture
def app(runtime) -> "Litestar":
    from tests.fixtures.app import create_app

    return create_app(runtime)


class People:
    """Ada and Olga: whoever may open a route."""

    def __init__(self, ada: Browser, olga: Browser) -> None:
        self._ada, self._olga = ada, olga

    def of(self, handler: object) -> Browser:
        permission = handler.opt.get("permission")  # type: ignore[attr-defined]
        return self._olga if permission is not None and is_platform(permission) else self._ada

    async def ask(self, method: str, path: str, handler: object, **headers: str) -> httpx.Response:
        person = self.of(handler)
        sent = {"sec-fetch-site": "same-origin", "x-idempotency-key": secrets.token_hex(8), "x-csrftoken": person.csrf}
        return await person.client.request(method, _fill(path), headers={**sent, **headers}, follow_redirects=False)


@pytest.fixture
async def people(sign_in_as: SignIn, runtime: "Runtime") -> People:
    """Both signed in; their sessions are read once, as no request of these tests is about them."""
    both = (await sign_in_as("ada"), await sign_in_as("olga", operator=True))
    known = {next(iter(person.client.cookies.values())): person.actor for person in both}
    asked = runtime.authenticate

    async def authenticate(runtime: "Runtime", cookie: str | None, bearer: str | None) -> "Actor":
        return known.get(cookie or "") or await asked(runtime, cookie, bearer)

    runtime.authenticate = authenticate
    return People(*both)


def by_path(app: "Litestar") -> dict[str, dict[str, object]]:
    """Every path with its handlers by method."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for method, path, handler in _routes(app):
        found[path][method] = handler
    return found


async def test_each_method_of_each_route_is_served_or_refused_with_the_list_of_those_that_are(app, client) -> None:
    swept = 0
    for path, handlers in by_path(app).items():
        for method in METHODS:
            answer = await client.request(method, _fill(path))
            allowed = set(answer.headers.get("allow", "").split(", "))
            wanted = {*handlers, "OPTIONS"} | ({"HEAD"} if "GET" in handlers else set())
            if method == "OPTIONS":
                assert (answer.status_code, answer.content) == (204, b""), path
                assert allowed == wanted, path
            elif method in wanted:
                assert answer.status_code != 405, (method, path)
            else:
                assert answer.status_code == 405, (method, path, answer.status_code)
                assert allowed == wanted, (method, path)
            assert answer.status_code < 500 or answer.status_code == 503, (method, path, answer.text[:200])
            assert len(answer.headers["x-correlation-id"]) >= 8
            swept += 1
    assert swept > 500


@pytest.mark.commits
async def test_head_is_get_without_its_content_on_every_route(app, people) -> None:
    swept = 0
    for method, path, handler in _routes(app):
        if method != "GET" or path in WAITS or "permission" not in handler.opt:
            continue
        get, head = await people.ask("GET", path, handler), await people.ask("HEAD", path, handler)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        drop = {"x-correlation-id", "content-security-policy", "content-length", "etag"}
        assert set(head.headers) - drop == set(get.headers) - drop, path
        swept += 1
    assert swept > 50


async def test_every_401_says_how_to_sign_in_and_whether_a_token_was_the_cause(app, client) -> None:
    for method, path, handler in _routes(app):
        if "permission" not in handler.opt or not path.startswith("/api/"):
            continue
        bare = await client.request(method, _fill(path))
        assert (bare.status_code, bare.headers["www-authenticate"]) == (401, 'Bearer realm="berth"'), path
    wrong = await client.get("/api/v1/me", headers={"authorization": "Bearer aaa.bbb.ccc"})
    assert wrong.headers["www-authenticate"].startswith(
        'Bearer realm="berth", error="invalid_token", error_description="'
    )
    page = await client.get("/", headers={"hx-request": "true"})
    assert (page.status_code, page.headers["www-authenticate"]) == (401, 'Bearer realm="berth"')


async def test_a_body_of_a_kind_that_a_route_does_not_read_is_415_on_every_route(app, people, runtime) -> None:
    swept = 0
    for method, path, handler in _routes(app):
        reads = read_by(handler, is_api=path.startswith("/api/"))
        if method not in ("POST", "PUT", "PATCH", "DELETE") or reads is None or path.startswith("/oauth/t"):
            continue
        if path.startswith("/oauth/revoke"):
            continue
        person = people.of(handler)
        await expire(runtime)  # no rate is what is tested
        headers = {"sec-fetch-site": "same-origin", "x-idempotency-key": "k", "x-csrftoken": person.csrf}
        for kind in ("text/plain", "application/xml", f"{reads}; charset=utf-16", f"{reads}x", ""):
            answer = await person.client.request(
                method, _fill(path), content=b"{}", headers={**headers, **({"content-type": kind} if kind else {})}
            )
            assert answer.status_code == 415, (method, path, kind, answer.text[:200])
            assert answer.headers["accept"] == reads
            assert ("accept-post" in answer.headers) is (method == "POST")
        swept += 1
    assert swept > 100


async def test_an_answer_of_a_kind_that_is_not_accepted_is_406_on_every_route(app, people, runtime) -> None:
    swept = 0
    for method, path, handler in _routes(app):
        if path in WAITS or not written_by(handler, is_api=path.startswith("/api/")):
            continue
        await expire(runtime)
        for accept in ("image/png", "application/json;q=0, text/html;q=0.0, text/csv;q=0, application/x-ndjson;q=0"):
            answer = await people.ask(method, path, handler, accept=accept)
            assert answer.status_code == 406, (method, path, accept, answer.text[:200])
        swept += 1
    assert swept > 200


@pytest.mark.parametrize(
    ("accept", "fits"),
    [
        ("", True), ("*/*", True), ("application/*", True), ("application/json", True), ("APPLICATION/JSON", True),
        ("text/html", False), ("*/*;q=0", False), ("application/json;q=0, */*", False), ("text/html, */*;q=0.1", True),
        ("application/json; charset=utf-8; q=0.2", True), ("text/html, *; q=.2", True), ("a, ,b;q=x", False),
        ("application/*;q=0, application/json", True),
    ],
)  # fmt: skip
def test_accept_is_read_as_weights_of_ranges(accept: str, fits: bool) -> None:
    assert is_accepted(accept, ("application/json",)) is fits


@pytest.mark.parametrize(
    ("asked", "is_same"),
    [
        ('"7"', True), ('W/"7"', True), ('"6", W/"7"', True), ("*", True), ('"6","8"', False), ("7", False),
        ("", False),        (' "7" ', True), ('"77"', False),
    ],
)  # fmt: skip
def test_if_none_match_compares_weakly_and_takes_lists(asked: str, is_same: bool) -> None:
    assert is_match(asked, '"7"') is is_same
    assert is_match(asked, 'W/"7"') is is_same


async def test_whatever_has_an_etag_answers_304_to_who_has_it(app, people, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    tagged = ["/api/v1/organisation", f"/api/v1/projects/{ada.actor.project_id}", "/static/dist/app.css"]
    seen = 0
    for method, path, _handler in _routes(app):
        if method == "GET" and "{" not in path and path not in WAITS:
            tagged.append(path)
    for path in tagged:
        first = await ada.client.get(path)
        if first.status_code != 200 or "etag" not in first.headers:
            continue
        for method in ("GET", "HEAD"):
            again = await ada.client.request(method, path, headers={"if-none-match": f'"x", {first.headers["etag"]}'})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == first.headers["etag"]
            assert not {"content-type", "content-length"} & set(again.headers), path
        other = await ada.client.get(path, headers={"if-none-match": '"x"'})
        assert (other.status_code, other.content) == (200, first.content), path
        seen += 1
    assert seen >= 3


async def test_a_socket_s_address_asks_for_the_upgrade(client) -> None:
    answer = await client.get("/live")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert answer.headers["connection"] == "upgrade"


async def test_no_answer_is_kept_by_a_cache_unless_it_says_so_itself(app, people) -> None:
    """Public keys are for everybody; a list with a tag of its content stays with who asked, and is asked for again."""
    public = set()
    for method, path, handler in _routes(app):
        if method != "GET" or path in WAITS:
            continue
        answer = await people.ask("GET", path, handler)
        if KEPT in handler.opt and answer.status_code == 200:
            assert answer.headers["cache-control"] == "private, no-cache" and "etag" in answer.headers, path
            assert {"cookie", "authorization"} <= set(re.split(r",\s*", answer.headers["vary"].lower())), path
        elif answer.headers["cache-control"] != "no-store":
            public.add(path)
    assert public <= {"/.well-known/jwks.json", "/.well-known/oauth-authorization-server"}, public
