"""Every route, found from the application itself: who may not, gets in nowhere; nothing answers what it should hide.

A route that is added is swept without anybody remembering to. Path parameters are filled with ids that exist nowhere.
"""

import re
import secrets
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from litestar import Litestar

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


def _samples() -> dict[str, str]:
    return {"uuid": str(uuid4()), "int": "999999999", "str": "no-such-thing", "path": "no/such/thing"}


def _routes(app: "Litestar") -> list[tuple[str, str, object]]:
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                found.append((method, route.path, handler))
    return found


def _fill(path: str) -> str:
    samples = _samples()
    return PARAMETER.sub(lambda match: samples[match[2] or "str"], path)


async def _call(client, method: str, path: str, csrf: str = ""):
    headers = {"sec-fetch-site": "same-origin", "x-idempotency-key": secrets.token_hex(8), "x-csrftoken": csrf}
    return await client.request(method, path, headers=headers, follow_redirects=False)


@pytest.fixture
def app(runtime) -> "Litestar":
    from tests.fixtures.app import create_app

    return create_app(runtime)


def _is_api(path: str) -> bool:
    return path.startswith("/api/")


async def test_anonymous_gets_401_from_the_api_and_the_sign_in_page_elsewhere(app, client) -> None:
    swept = 0
    for method, path, handler in _routes(app):
        if "permission" not in handler.opt:
            continue
        answer = await _call(client, method, _fill(path))
        wanted = 401 if _is_api(path) else 303
        assert answer.status_code == wanted, (method, path, answer.status_code, answer.text[:200])
        if not _is_api(path):
            assert answer.headers["location"].startswith("/login"), (method, path)
        swept += 1
    assert swept >= 5


async def test_a_person_without_the_role_gets_403(app, sign_in_as) -> None:
    from app.shared.authz.permissions import Permission, is_platform

    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for method, path, handler in _routes(app):
        permission = handler.opt.get("permission")
        if permission is None or permission is Permission.PROFILE:
            continue
        stranger = ada if is_platform(permission) else olga
        answer = await _call(stranger.client, method, _fill(path), stranger.csrf)
        assert answer.status_code == 403, (method, path, answer.status_code, answer.text[:200])


async def test_ids_that_are_not_ours_answer_like_ids_that_do_not_exist(app, sign_in_as) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for method, path, handler in _routes(app):
        permission = handler.opt.get("permission")
        if permission is None or method != "GET" or "{" not in path:
            continue
        person = olga if permission.value.startswith("platform:") else ada
        answer = await _call(person.client, method, _fill(path), person.csrf)
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text[:200])


async def test_every_mutation_of_the_api_wants_an_idempotency_key(app, sign_in_as) -> None:
    from app.shared.authz.permissions import is_platform

    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for method, path, handler in _routes(app):
        permission = handler.opt.get("permission")
        if permission is None or method not in UNSAFE or not handler.opt["idempotent"]:
            continue
        person = olga if is_platform(permission) else ada
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": person.csrf}
        answer = await person.client.request(method, _fill(path), headers=headers)
        assert answer.status_code == 400, (method, path, answer.status_code, answer.text[:200])
        if _is_api(path):
            assert answer.json()["error"]["code"] == "idempotency_key_required"


async def test_every_change_goes_through_a_use_case(app) -> None:
    from app.shared.use_case import is_use_case
    from app.web.openapi.raised import reached

    around = {
        f"{method} {path}"
        for method, path, handler in _routes(app)
        if method in UNSAFE
        and handler.opt.get("idempotent")
        and not any(map(is_use_case, reached(handler.fn).functions))
    }
    assert not around


async def test_only_single_use_mints_are_exempt_from_idempotency(app) -> None:
    exempt = {
        path
        for method, path, handler in _routes(app)
        if method in UNSAFE
        and "permission" in handler.opt
        and not handler.opt["idempotent"]
        and not handler.opt["reads"]
    }
    assert all("terminal" in path for path in exempt), exempt


async def test_every_page_answers_with_the_security_headers_and_no_inline_code(app, sign_in_as) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for method, path, handler in _routes(app):
        permission = handler.opt.get("permission")
        if method != "GET" or permission is None or "{" in path:
            continue
        person = olga if permission.value.startswith("platform:") else ada
        answer = await _call(person.client, method, path)
        assert answer.status_code < 500, (path, answer.text[:300])
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=", answer.text), path
        assert "_csrf_token=" not in answer.text, path


async def test_a_get_changes_nothing_that_is_not_a_look(app, sign_in_as, open_context) -> None:
    from sqlalchemy import text

    ada = await sign_in_as("ada")
    count = text("SELECT (SELECT count(*) FROM shared.outbox_events) + (SELECT count(*) FROM admin.audit_logs)")
    async with open_context() as ctx:
        before = await ctx.session.scalar(count)
    for method, path, handler in _routes(app):
        if method == "GET" and "permission" in handler.opt:
            await _call(ada.client, method, _fill(path))
    async with open_context() as ctx:
        assert await ctx.session.scalar(count) == before


async def test_an_undeclared_route_stops_the_start(runtime) -> None:
    from litestar import get

    from app.asgi import UndeclaredRoute, create_app
    from app.shared.manifest import Domain

    @get("/forgotten")
    async def forgotten() -> str:
        return "open to all"

    with pytest.raises(UndeclaredRoute, match="/forgotten"):
        create_app(runtime, [Domain(name="careless", routes=[forgotten])])
