"""`/live`: one WebSocket per tab. The server sends `{"topics": […]}`, and to a person's own pages the id of a new item.
The client sends nothing; one that does is closed."""

from typing import cast

from litestar import websocket

from app.domains.notification.service.hub import SESSION_ENDED, LiveConnection, LiveHub
from app.shared.context import Runtime
from app.shared.push import EXTENSION, Detachable
from app.web import public
from app.web.csrf import origin_of
from app.web.types import AnyWebSocket

WRONG_ORIGIN = 4403


@websocket("/live", opt=public("answers 4401 to who is not signed in", viewing=True))
async def live(socket: AnyWebSocket) -> None:
    """Topics that changed, for as long as the session lives: the hub has the socket when this returns."""
    runtime: Runtime = socket.app.state.runtime
    actor = socket.scope["user"]
    await socket.accept()
    if origin_of(socket.headers.get("origin", "")) != origin_of(runtime.settings.web.public_url):
        await socket.close(code=WRONG_ORIGIN, reason="wrong origin")
        return
    if actor.session_id is None or not actor.via_cookie:
        await socket.close(code=SESSION_ENDED, reason="signed out")
        return
    ids = (actor.tenant_id, actor.session_id, actor.id)
    page = LiveConnection(*ids, project_id=actor.project_id, viewing=actor.viewing)
    hub = runtime.part(LiveHub)
    detachable = cast(Detachable, (socket.scope["extensions"] or {})[EXTENSION])
    hub.join(page, detachable.detach(lambda: hub.leave(page)))


ROUTES = [live]
