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
    await socket.accept()
    if (refusal := _refusal(socket)) is not None:
        await socket.close(*refusal)
        return
    actor, hub = socket.scope["user"], _runtime(socket).part(LiveHub)
    page = LiveConnection(
        actor.tenant_id, actor.session_id, actor.id, project_id=actor.project_id, viewing=actor.viewing
    )
    detachable = cast(Detachable, (socket.scope["extensions"] or {})[EXTENSION])
    hub.join(page, detachable.detach(lambda: hub.leave(page)))


def _refusal(socket: AnyWebSocket) -> tuple[int, str] | None:
    """Code and reason for who may not listen."""
    actor = socket.scope["user"]
    if origin_of(socket.headers.get("origin", "")) != origin_of(_runtime(socket).settings.web.public_url):
        return WRONG_ORIGIN, "wrong origin"
    if actor.session_id is None or not actor.via_cookie:
        return SESSION_ENDED, "signed out"
    return None


def _runtime(socket: AnyWebSocket) -> Runtime:
    runtime: Runtime = socket.app.state.runtime
    return runtime


ROUTES = [live]
