"""`/static/…`: what `app/static` holds, in the coding that the client reads, kept for ever under its version."""

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from app.web import public
from app.web.assets import assets_in
from app.web.middleware.encoding import accepted_codings
from app.web.types import AnyRequest

FOREVER = "public, max-age=31536000, immutable"


@get("/static/{name:path}", opt=public("styles, scripts and fonts"), include_in_schema=False)
async def static_file(request: AnyRequest, name: FromPath[str], v: FromQuery[str | None] = None) -> Response[bytes]:
    """One file. Whoever asks for another version than ours (during a rolling upgrade) gets ours, and asks again."""
    path = name.removeprefix("/")
    asset = assets_in().find(path)
    if asset is None:
        raise NotFoundException()
    coding, content = asset.best(accepted_codings(request.headers.get("accept-encoding", "")))
    headers = {
        "cache-control": FOREVER if v == asset.version or path.startswith("vendor/") else "no-cache",
        "etag": f'W/"{asset.version}"',
        "vary": "accept-encoding",
    }
    if coding != "identity":
        headers["content-encoding"] = coding
    return Response(content, media_type=asset.kind, headers=headers)
