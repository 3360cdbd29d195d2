"""Every route below /api/v1, found from the application itself, takes what it names and refuses the rest.

A route that is added is swept without anybody remembering to. Ids in the path exist nowhere: what is refused here is
refused before anything is looked up.
"""

import itertools
import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from tests.architecture.test_routes import _fill
from tests.fixtures.app import create_app, expire

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

PREFIX = "/api/v1"
NO_FIELD, NO_PARAMETER = "qzxjv", "zqxvj"


class Exact(NamedTuple):
    method: str
    path: str
    handler: "HTTPRouteHandler"
    query: frozenset[str]
    body: type | None


def exact_routes(app) -> Iterator[Exact]:
    for route in app.routes:
        if route.path.startswith(PREFIX) and hasattr(route, "route_handler_map"):
            for method, (handler, model) in route.route_handler_map.items():
                if method not in ("OPTIONS", "HEAD"):
                    data = handler.parsed_fn_signature.parameters.get("data")
                    query = frozenset(known.field_alias for known in model.expected_query_params)
                    yield Exact(method, route.path, handler, query, data and data.annotation)


@pytest.fixture
async def call(runtime, sign_in_as):
    """Sends one request as whoever may, with a key of its own; `content` is the body as it is."""
    from app.shared.authz.permissions import is_platform

    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)

    async def send(route: Exact, query: str = "", content: bytes | None = None):
        permission = route.handler.opt.get("permission")
        person = olga if permission is not None and is_platform(permission) else ada
        await expire(runtime)  # limits of rate are not asked about here
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": person.csrf}
        headers |= {"x-idempotency-key": secrets.token_hex(8), "content-type": "application/json"}
        return await person.client.request(
            route.method, _fill(route.path) + query, headers=headers, content=content, follow_redirects=False
        )

    return send


@pytest.fixture
def routes(runtime) -> list[Exact]:
    found = list(exact_routes(create_app(runtime)))
    assert len(found) > 100
    return found


def fields_of(answer) -> dict[str, str]:
    assert answer.status_code == 422, (str(answer.request.url), answer.status_code, answer.text[:300])
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    return error["details"]["fields"]


async def test_every_route_refuses_an_unknown_query_parameter(routes, call) -> None:
    for route in routes:
        assert NO_PARAMETER in fields_of(await call(route, f"?{NO_PARAMETER}=1")), route


async def test_every_route_refuses_an_unknown_body_field(routes, call) -> None:
    for route in routes:
        assert NO_FIELD in fields_of(await call(route, content=json.dumps({NO_FIELD: 1}).encode())), route


async def test_every_parameter_of_one_value_is_taken_once_and_a_near_name_is_told(routes, call) -> None:
    for route in routes:
        for name in route.query:
            assert name in fields_of(await call(route, f"?{name}=1&{name}=1")), (route, name)
            assert f"{name}" in fields_of(await call(route, f"?{name}x=1"))[f"{name}x"], (route, name)


async def test_every_body_names_all_its_faults_at_once(routes, call) -> None:
    """Each known field gets an object, which none of them is; each is named, and so is one that is unknown."""
    for route in routes:
        if route.body is not None:
            known = [field.encode_name for field in msgspec.structs.fields(route.body)]
            body = {name: {"a": {}} for name in known} | {NO_FIELD: None}
            assert set(fields_of(await call(route, content=json.dumps(body).encode()))) == {*known, NO_FIELD}, route


UNREADABLE = [
    b"", b"null", b"[]", b"7", b'"x"', b"{", b"{'a':1}", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b"\xff\xfe",
    b"\xef\xbb\xbf{}", b'{"a":"\x01"}', b"[" * 100_000, b'{"a":' * 20_000, b'{"a":' + b"9" * 5000 + b"}", b"{} {}",
]  # fmt: skip


async def test_what_is_no_object_is_refused_in_a_sentence(routes, call) -> None:
    with_body = [route for route in routes if route.body is not None]
    for route, content in itertools.chain(
        itertools.product(with_body[:1], UNREADABLE), itertools.product(with_body, [b"", b"null", b"[]"])
    ):
        answer = await call(route, content=content)
        assert set(fields_of(answer)) == {"body"}, (route, content[:20])
        assert answer.json()["error"]["message"].startswith("The body "), answer.text
