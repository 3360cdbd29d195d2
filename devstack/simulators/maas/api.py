"""From a request to a handler: addresses, signatures, operations, faults; and `describe/`, made from the same table."""

import asyncio
import hashlib
import re

import msgspec

from devstack.simulators.faults import Spec, seconds
from devstack.simulators.http import Request, Response
from devstack.simulators.maas.call import JSON_TYPE, Action, Call, Refusal, Resource, answer
from devstack.simulators.maas.oauth import BadSignature, Unsigned, User, authenticate
from devstack.simulators.maas.region import IllegalMove, Region
from devstack.simulators.maas.render import BASE, Json, encode
from devstack.simulators.maas.site_ops import VERSION, version
from devstack.simulators.maas.store import Machine

CONFLICT = b"Conflict error. Try your request again, as it will most likely succeed."
_OP_IN_PATH = re.compile(r"(.*/)op-([a-z_]+)/?")


class Api:
    """The API of one region."""

    def __init__(self, region: Region, resources: list[Resource], origin: str) -> None:
        self._region = region
        self._resources = sorted(resources, key=lambda resource: resource.path.count("{"))
        self._patterns = [(_pattern(resource.path), resource) for resource in self._resources]
        self._description = _describe(resources, origin)
        digest = hashlib.sha1(encode(self._description), usedforsecurity=False).hexdigest()
        self._description["hash"] = digest
        self._hash_header = (("X-MAAS-API-Hash", digest), ("Vary", "Authorization, Cookie"))

    async def handle(self, request: Request) -> Response:
        """Answer anything under the region's port."""
        if request.path == "/MAAS/api/version/":
            return Response(200, b"2.0")
        if request.path.startswith("/MAAS/api/1.0/"):
            return Response(410, b"The 1.0 API is no longer available. Please use API version 2.0.")
        if request.path == f"{BASE}/describe/" and request.method == "GET":
            return answer(self._description)
        if request.path == f"{BASE}/version/" and request.method == "GET":
            return Response(200, msgspec.json.encode(VERSION), JSON_TYPE)  # this one alone has no indent
        found = self._find(request)
        if found is None:
            return Response(404, f"Unknown API endpoint: {request.path}.".encode())
        response = await self._answer(request, *found)
        return msgspec.structs.replace(response, headers=response.headers + self._hash_header)

    def _find(self, request: Request) -> tuple[Resource, dict[str, str], str | None] | None:
        path, op = request.path.removeprefix(BASE + "/"), None
        if path == request.path:
            return None
        in_path = _OP_IN_PATH.fullmatch(path)
        if in_path is not None:
            path, op = in_path[1], in_path[2]
        for pattern, resource in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return resource, match.groupdict(), op
        return None

    async def _answer(self, request: Request, resource: Resource, params: dict[str, str], op: str | None) -> Response:
        try:
            user = self._user(request)
        except BadSignature as refusal:
            return refusal.response
        if user is None and not resource.anonymous:
            return Response(401, b"Forbidden")
        actions = resource.actions if user is not None else resource.anonymous
        allowed = sorted({action.method for action in resource.actions})
        if request.method not in allowed:
            return Response(405, headers=(("Allow", ", ".join(allowed)),))
        try:
            call = Call(self._region, request, user, params)
            op = op or call.named_op()
            action = next((item for item in actions if (item.method, item.op) == (request.method, op)), None)
            if action is None:
                return Response(400, f"Unrecognised signature: method={request.method} op={op}".encode())
            return await self._run(call, resource, action)
        except Refusal as refusal:
            return refusal.response
        except IllegalMove as illegal:
            return Response(409, str(illegal).encode())

    def _user(self, request: Request) -> User | None:
        try:
            return authenticate(request.headers.get("authorization", ""), self._region.users, self._region.store)
        except Unsigned:
            return None

    async def _run(self, call: Call, resource: Resource, action: Action) -> Response:
        """Run the action between the faults that hit it; `"effect": "none"` or `"done"` says if it happens."""
        struck = self._strike("conflict_409", call, resource, action)
        if struck is not None:
            return Response(409, CONFLICT, "text/html; charset=utf-8", (("Retry-After", "5"),))
        failing = self._strike("http_500", call, resource, action)
        if failing is not None:
            if failing.get("effect") == "done":
                action.run(call)
            return Response(500, b"connection to server was lost")
        hanging = self._strike("hang_30s", call, resource, action)
        if hanging is None:
            return action.run(call)
        response = action.run(call) if hanging.get("effect", "done") == "done" else Response(504, b"Gateway Timeout")
        await asyncio.sleep(seconds(hanging, 30.0))
        return response

    def _strike(self, fault: str, call: Call, resource: Resource, action: Action) -> Spec | None:
        if fault not in self._region.faults.active:
            return None
        names = [call.params.get("system_id", ""), *call.form.get("system_id", []), *call.query.get("id", [])]
        machines: list[Machine | None] = [item for item in map(self._region.store.machines.get, names) if item]
        for machine in machines or [None]:
            spec = self._region.strike(fault, machine, op=action.name, resource=resource.name)
            if spec is not None:
                return spec
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _handler(resource: Resource, name: str, actions: tuple[Action, ...], origin: str) -> Json:
    path = f"{BASE}/{resource.path}"
    listed = [{"name": a.name, "op": a.op, "method": a.method, "restful": a.op is None, "doc": a.doc} for a in actions]
    params = re.findall(r"{(\w+)}", path)
    doc = resource.doc
    return {"name": name, "doc": doc, "path": path, "uri": origin + path, "params": params, "actions": listed}


def _describe(resources: list[Resource], origin: str) -> Json:
    unsigned = Action("read", "GET", version, "Version and capabilities of this MAAS instance.")
    whole = [*resources, Resource("VersionHandler", "version/", "Information about this MAAS.", (), (unsigned,))]
    described: list[Json] = []
    for resource in sorted(whole, key=lambda item: item.name):
        auth = _handler(resource, resource.name, resource.actions, origin) if resource.actions else None
        name = f"Anon{resource.name}" if auth else resource.name
        anonymous = _handler(resource, name, resource.anonymous, origin) if resource.anonymous else None
        described.append({"name": resource.name, "auth": auth, "anon": anonymous})
    handlers = [handler for item in described for handler in (item["auth"], item["anon"]) if handler]
    return {"doc": "MAAS API", "handlers": handlers, "resources": described}
