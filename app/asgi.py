"""The web process's only composition root: settings in, Litestar application out.

It wires what shared code may not import (how a request is authenticated, what the frame of a page shows) and refuses
to start with a route that declares neither a permission nor why it is public.
"""

import os
from collections.abc import Sequence

from litestar import Litestar, Response, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ASGIApp, ControllerRouterHandler

from app.portal.developers import DEVELOPER_ROUTES
from app.portal.search import SEARCH_ROUTES
from app.registry import DOMAINS
from app.settings import Settings, load_settings
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.manifest import Domain
from app.shared.rdb import connect
from app.shared.telemetry import spans
from app.shared.telemetry.logs import configure_logs
from app.web import public
from app.web.cursors import Listed
from app.web.errors.refusals import audit_refusal
from app.web.errors.render import render_error
from app.web.exact import ExactRequests
from app.web.guards import guard
from app.web.kept import find_kept, keep
from app.web.middleware.answers import Answers
from app.web.middleware.concurrency import Concurrency
from app.web.middleware.encoding import ContentCoding
from app.web.middleware.headers import SecurityHeaders
from app.web.middleware.host import AppHosts, HostCheck
from app.web.middleware.methods import Methods, allowed_methods
from app.web.middleware.request import RequestMiddleware, note_refusal
from app.web.openapi.document import DescribedJson
from app.web.provide import provide_contexts, provide_ctx
from app.web.route import API, api_router, page_router
from app.web.static_files import static_file
from app.web.system import SYSTEM_ROUTES
from app.web.templating import create_environment
from app.web.types import AnyRequest

MAX_BODY = 1_000_000  # bytes; files go to S3 directly


class UndeclaredRoute(Exception):
    """A route declares neither a permission nor why it is public; the application does not start."""


def build_runtime(settings: Settings) -> Runtime:
    """What the web process holds, wired to the domains."""
    runtime = Runtime(
        settings=settings,
        database=Database(settings.database),
        valkey=connect(settings.valkey_url),
        templates=create_environment(),
    )
    wire(runtime)
    return runtime


def wire(runtime: Runtime) -> None:
    """Hand the domains' functions to the shared code that may not import them."""
    from app.portal.shell import authenticate, build_shell

    runtime.authenticate = authenticate
    runtime.build_shell = build_shell


def create_app(runtime: Runtime | None = None, domains: Sequence[Domain] = DOMAINS) -> Litestar:
    """The application. Without a runtime it reads the settings from the environment (`berth web`)."""
    if runtime is None:
        configure_logs("web")
        settings = load_settings(os.environ)
        spans.begin(settings, "web")
        runtime = build_runtime(settings)
    return bind(create_routes(domains), runtime, domains)


def create_routes(domains: Sequence[Domain] = DOMAINS) -> Litestar:
    """Every route with its guard, still without what a process holds. Raises UndeclaredRoute."""
    exact = ExactRequests()

    async def before(request: AnyRequest) -> Response[bytes] | None:
        await exact(request)
        return await find_kept(request)

    app = Litestar(
        route_handlers=[
            *SYSTEM_ROUTES,
            static_file,
            page_router([*SEARCH_ROUTES, *DEVELOPER_ROUTES]),
            *(route for domain in domains for route in _routes_of(domain)),
        ],
        dependencies={"ctx": Provide(provide_ctx), "contexts": Provide(provide_contexts)},
        guards=[guard],
        before_request=before,
        after_response=keep,
        response_class=Listed,
        middleware=[RequestMiddleware()],
        exception_handlers={Exception: render_error},
        after_exception=[note_refusal, audit_refusal],
        logging_config=None,
        request_max_body_size=MAX_BODY,
        openapi_config=_openapi(),
    )
    refuse_undeclared(app)
    exact.learn(app)
    return app


def _routes_of(domain: Domain) -> Sequence[ControllerRouterHandler]:
    return [page_router(domain.pages), api_router(domain.api), *domain.routes]


def bind(app: Litestar, runtime: Runtime, domains: Sequence[Domain] = DOMAINS) -> Litestar:
    """Give `app` what this process holds and the layers around its routes; the runtime is closed with the app."""
    app.state.runtime = runtime
    app.on_shutdown.append(runtime.close)
    portal = Methods(HostCheck(app.asgi_handler, runtime.settings), allowed_methods(app))
    answering: ASGIApp = SecurityHeaders(ContentCoding(portal), runtime.settings, lambda: runtime.draining)
    for domain in domains:
        if domain.host_app is not None:
            answering = AppHosts(answering, domain.host_app(runtime), runtime.settings)
    app.asgi_handler = Answers(Concurrency(answering, runtime.settings), runtime.settings)
    return app


def _openapi() -> OpenAPIConfig:
    router = Router(f"{API}/schema", route_handlers=[], opt=public("the API's own words"), include_in_schema=False)
    return OpenAPIConfig(title="Berth", version="1", render_plugins=[DescribedJson()], openapi_router=router)


def refuse_undeclared(app: Litestar) -> None:
    """Raises UndeclaredRoute naming the first handler without a declaration."""
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]
        for handler in handlers:
            if not isinstance(handler, HTTPRouteHandler | WebsocketRouteHandler):
                continue
            if handler.http_methods == {"OPTIONS"} if isinstance(handler, HTTPRouteHandler) else False:
                continue
            if "permission" not in handler.opt and "public" not in handler.opt:
                raise UndeclaredRoute(f"{route.path}: {handler}")
