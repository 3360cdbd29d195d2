"""What Litestar hands to us, in our own terms: whoever asks is an Actor, and what a request carries is its state."""

from typing import Any, TypeAlias

from litestar import Request, WebSocket
from litestar.connection import ASGIConnection
from litestar.datastructures import State

from app.shared.authz.actor import Actor

AnyRequest: TypeAlias = Request[Actor, object, State]
AnyWebSocket: TypeAlias = WebSocket[Actor, object, State]
AnyConnection: TypeAlias = ASGIConnection[Any, Actor, object, State]  # of HTTP and WebSocket alike
