"""`/live`: one WebSocket per tab. The server sends `{"topics": […]}`, and to a person's own pages the id of a new item.
The client sends nothing; one that does is closed."""

import asyncio

from litestar import websocket
from litestar.exceptions import WebSocketDisconnect

from app.domains.notification.service.hub import ENDED, LiveConnection, LiveHub
from app.shared.context import Runtime
from app.web import public
from app.web.csrf import origin_of
from app.web.types import AnyWebSocket

SESSION_ENDED = 4401
WRONG_ORIGIN = 4403
TRY_AGAIN = 1013
TALKATIVE = 1008
MAX_MESSAGES = 16  # of the client, ignored


@websocket("/live", opt=public("answers 4401 to who is not signed in", viewing=True))
async def live(socket: AnyWebSocket) -> None:
    """Topics that changed, for as long as the session lives."""
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
    connection = LiveConnection(*ids, project_id=actor.project_id, viewing=actor.viewing)
    await _serve(socket, runtime.part(LiveHub), connection)


async def _serve(socket: AnyWebSocket, hub: LiveHub, connection: LiveConnection) -> None:
    hub.join(connection)
    tasks = {asyncio.create_task(_send(socket, connection)), asyncio.create_task(_until_closed(socket))}
    tasks.add(asyncio.create_task(_until_dropped(socket, connection)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(connection)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: AnyWebSocket, connection: LiveConnection) -> None:
    while True:
        message = await connection.queue.get()
        if message == ENDED:
            await socket.close(code=SESSION_ENDED, reason="signed out")
            return
        await socket.send_data(message, mode="text")


async def _until_dropped(socket: AnyWebSocket, connection: LiveConnection) -> None:
    await connection.dropped.wait()
    await socket.close(code=TRY_AGAIN, reason="reconnect and refetch")


async def _until_closed(socket: AnyWebSocket) -> None:
    try:
        for _ in range(MAX_MESSAGES):
            await socket.receive()
    except WebSocketDisconnect:
        return
    await socket.close(code=TALKATIVE, reason="this socket accepts no messages")


ROUTES = [live]
