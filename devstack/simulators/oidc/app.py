"""The ASGI application of the simulated identity provider. Wiring only."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from devstack.simulators.faults import Faults, seconds
from devstack.simulators.http import Application, Request, Response, application, json_response
from devstack.simulators.oidc import endpoints, pages
from devstack.simulators.oidc.provider import Client, Provider
from devstack.simulators.store import Store


def create_app(config: Mapping[str, object], data_dir: Path, now: Callable[[], float] = time.time) -> Application:
    """The provider for the `oidc` section of `config`. Redirect addresses may be one string or a list."""
    section = cast("Mapping[str, object]", config["oidc"])
    host = f"localhost:{section['port']}"
    client = Client(
        id=str(section["client_id"]),
        secret=str(section["client_secret"]),
        redirect_uris=_addresses(section.get("redirect_uri")),
        post_logout_redirect_uris=_addresses(section.get("post_logout_redirect_uri")),
    )
    faults = Faults(data_dir)
    store = Store(data_dir / "oidc.sqlite")
    provider = Provider(store, faults, f"http://{host}", client, now)

    async def handle(request: Request) -> Response:
        if request.path.startswith("/_keys/"):
            return _keys(provider, request)
        if request.headers.get("host") != host:
            return Response(404, b"this issuer has one name only")
        if request.path == "/assets/sign-in.css":
            return Response(200, pages.STYLE.encode(), "text/css; charset=utf-8")
        slow = faults.take("slow", path=request.path)
        if slow is not None:
            await asyncio.sleep(seconds(slow, 5.0))
        if faults.take("down", path=request.path) is not None:
            return Response(503, b"temporarily unavailable", headers=(("retry-after", "5"),))
        return _route(provider, request)

    async def stop() -> None:
        store.close()

    return application(handle, faults, on_shutdown=stop)


def _route(provider: Provider, request: Request) -> Response:
    match request.method, request.path:
        case "GET", "/.well-known/openid-configuration":
            return endpoints.discovery(provider)
        case "GET", "/jwks":
            return json_response(provider.jwks())
        case (("GET" | "POST"), "/authorize"):
            return endpoints.authorize(provider, request)
        case _, "/token":
            return endpoints.token(provider, request)
        case (("GET" | "POST"), "/userinfo"):
            return endpoints.userinfo(provider, request)
        case _, "/revoke":
            return endpoints.revoke(provider, request)
        case (("GET" | "POST"), "/end_session"):
            return endpoints.end_session(provider, request)
        case _:
            return Response(404, b"not found")


def _keys(provider: Provider, request: Request) -> Response:
    match request.method, request.path:
        case "POST", "/_keys/rotate":
            return json_response({"kid": provider.rotate_keys()})
        case "POST", "/_keys/retire":
            provider.retire_keys()
            return json_response(provider.jwks())
        case _:
            return Response(404, b"not found")


def _addresses(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
