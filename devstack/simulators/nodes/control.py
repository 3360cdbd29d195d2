"""The control port: MAAS tells which machines are deployed. Plain HTTP and JSON, for this computer's own use only."""

import ipaddress
from pathlib import Path

import msgspec

from devstack.simulators.http import (
    Application,
    Receive,
    Response,
    Scope,
    Send,
    json_response,
    read_request,
    send_response,
)
from devstack.simulators.nodes.fleet import Fleet
from devstack.simulators.nodes.machine import MachineSpec

_LOWEST_SESSION_UID = 2_000_000


def create_control(fleet: Fleet) -> Application:
    """The ASGI application over a started fleet."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the control port speaks HTTP only")
        if not may_control(scope.get("client")):
            await send_response(send, Response(403, b"loopback only"))
            return
        request = await read_request(scope, receive)
        if request is None:
            await send_response(send, Response(413))
            return
        await send_response(send, await _answer(fleet, request.method, request.segments, request.body))

    return app


async def _answer(fleet: Fleet, method: str, segments: list[str], body: bytes) -> Response:
    match method, segments:
        case "GET", ["healthz"]:
            return Response(body=b"ok")
        case "GET", ["machines"]:
            return json_response({"machines": fleet.list()})
        case "PUT", ["machines", system_id]:
            try:
                await fleet.put(system_id, msgspec.json.decode(body, type=MachineSpec))
            except (msgspec.DecodeError, ValueError) as error:
                return json_response({"error": str(error)}, 400)
            except OSError as error:
                return json_response({"error": f"cannot listen: {error.strerror}"}, 409)
            return json_response({"system_id": system_id})
        case "DELETE", ["machines", system_id]:
            return json_response({"removed": await fleet.delete(system_id)})
        case _:
            return json_response({"error": "not found"}, 404)


def may_control(client: object) -> bool:
    """True for a peer on loopback which is not itself a session of a simulated machine (they may share loopback)."""
    if not isinstance(client, (tuple, list)) or not client:
        return False
    try:
        if not ipaddress.ip_address(client[0]).is_loopback:
            return False
    except ValueError:
        return False
    return _uid_of_port(int(client[1])) < _LOWEST_SESSION_UID


def _uid_of_port(port: int) -> int:
    """The uid that owns the local TCP socket bound to `port`; 0 where the system does not tell."""
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return 0
    ending = f":{port:04X}"
    return max((int(argv[7]) for argv in map(str.split, lines) if argv[1].endswith(ending)), default=0)
