"""Health, readiness, metrics, build information: for machines, without a session."""

import asyncio
from collections.abc import Awaitable
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.shared.buildinfo import BUILD, BuildInfo
from app.shared.context import Runtime
from app.shared.service_checks import is_confirmed
from app.shared.telemetry.metrics import exposition
from app.web.provide import Ctx
from app.web.respond import redirect
from app.web.route import Form, api_router, public
from app.web.shell import parse_theme, theme_cookie
from app.web.types import AnyRequest

YEAR = 365 * 24 * 3600


@get("/healthz", opt=public("liveness probe"), include_in_schema=False, media_type="text/plain")
async def healthz() -> str:
    """The process answers."""
    return "ok"


@get("/readyz", opt=public("readiness probe"), include_in_schema=False)
async def readyz(request: AnyRequest) -> Response[dict[str, object]]:
    """Whether the parts that every page needs answer, each within two seconds, and the process is not about to end.
    In production also whether the services were asked that settings speak of (`app/shared/service_checks.py`)."""
    runtime: Runtime = request.app.state.runtime
    parts: dict[str, Awaitable[object]] = {"database": runtime.database.ping(), "valkey": runtime.valkey.ping()}
    results = await asyncio.gather(*(_answers(part) for part in parts.values()))
    checks = dict(zip(parts, results, strict=True)) | {"settings": is_confirmed(runtime)}
    ready = all(checks.values()) and not runtime.draining
    return Response({"ready": ready, "checks": checks}, status_code=200 if ready else 503)


async def _answers(part: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(_as_coroutine(part), 2)
    except Exception:
        return False
    return True


async def _as_coroutine(part: Awaitable[object]) -> object:
    return await part


@get("/metrics", opt=public("scraped inside the cluster; holds counts only"), include_in_schema=False)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Prometheus' text format, or OpenMetrics, which has room for the traces behind the figures."""
    content, media_type = exposition(request.headers.get("accept", ""))
    return Response(content, media_type=media_type)


@get("/buildinfo", opt=public("which build answers"))
async def buildinfo() -> BuildInfo:
    """Version, commit and Python of this process."""
    return BUILD


class ThemeForm(msgspec.Struct, kw_only=True):
    theme: str = "system"


@post("/theme", opt=public("a colour preference", viewing=True), include_in_schema=False)
async def choose_theme(request: AnyRequest, ctx: Ctx, data: Form[ThemeForm]) -> Response[str]:
    """Keep the theme in a cookie that the script may write too; back to where the person was."""
    settings = ctx.settings.web
    referer = urlsplit(request.headers.get("referer", ""))
    answer = redirect(ctx, referer.path if referer.path.startswith("/") and referer.path[:2] != "//" else "/")
    answer.set_cookie(
        key=theme_cookie(settings.instance),
        value=parse_theme(data.theme),
        max_age=YEAR,
        path="/",
        secure=settings.secure,
        samesite="lax",
    )
    return answer


SYSTEM_ROUTES: list[ControllerRouterHandler] = [healthz, readyz, metrics, choose_theme, api_router([buildinfo])]
