"""The fault switch every simulator has: named faults with a count, set over HTTP, kept over restarts.

A fault is a JSON object: `count` (how many times it strikes, null = until removed), and further keys. A key which the
simulator also names when it asks (`take("deploy_fails", machine="node-03")`) is a selector and must be equal; any other
key is a parameter for the simulator (`seconds`, `message`). This module knows no fault's name: a simulator asks for
those it can play.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path

import msgspec

Spec = dict[str, object]
_Scope = MutableMapping[str, object]
_Message = MutableMapping[str, object]

PREFIX = "/_faults"


def seconds(spec: Spec, default: float) -> float:
    """The `seconds` parameter of a fault, or `default` when it is missing or no number."""
    value = spec.get("seconds", default)
    return float(value) if isinstance(value, int | float) else default


class Faults:
    """The faults switched on at one simulator, persisted in `data_dir/faults.json`."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "faults.json"
        self._active: dict[str, Spec] = {}
        if self._file.exists():
            self._active = msgspec.json.decode(self._file.read_bytes(), type=dict[str, Spec])

    def peek(self, name: str, **attributes: object) -> Spec | None:
        """The fault if it would strike here, without using it up."""
        spec = self._active.get(name)
        if spec is None or any(spec[key] != value for key, value in attributes.items() if key in spec):
            return None
        return spec

    def take(self, name: str, **attributes: object) -> Spec | None:
        """The fault if it strikes here, using up one of its count; at zero it is gone."""
        spec = self.peek(name, **attributes)
        if spec is None:
            return None
        count = spec.get("count")
        if isinstance(count, int):
            if count <= 1:
                del self._active[name]
            else:
                self._active[name] = {**spec, "count": count - 1}
            self._save()
        return spec

    def put(self, name: str, spec: Spec) -> None:
        """Switch a fault on. Without `count` it strikes once. Raises ValueError when the count is not 1.. or null."""
        count = spec.get("count", 1)
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
            raise ValueError("count must be a whole number from 1, or null")
        self._active[name] = {**spec, "count": count}
        self._save()

    def remove(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them. Removing what is not there is fine."""
        if name is None:
            self._active.clear()
        else:
            self._active.pop(name, None)
        self._save()

    @property
    def active(self) -> dict[str, Spec]:
        """A copy of what is switched on."""
        return dict(self._active)

    def _save(self) -> None:
        draft = self._file.with_suffix(".tmp")
        draft.write_bytes(msgspec.json.encode(self._active))
        os.replace(draft, self._file)

    async def handle(
        self,
        scope: _Scope,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> bool:
        """Answer `/_faults` and `/_faults/NAME`. False = not ours, nothing was read and nothing sent."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(PREFIX + "/")):
            return False
        body = bytearray()
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            if isinstance(chunk, bytes):
                body += chunk
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        status, answer = self._answer(str(scope["method"]), path.removeprefix(PREFIX).strip("/"), bytes(body))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        return True

    def _answer(self, method: str, name: str, body: bytes) -> tuple[int, bytes]:
        if method == "PUT" and name:
            try:
                self.put(name, msgspec.json.decode(body or b"{}", type=Spec))
            except ValueError as error:  # msgspec's errors are ValueErrors too
                return 400, msgspec.json.encode({"error": str(error)})
        elif method == "DELETE":
            self.remove(name or None)
        elif method != "GET":
            return 405, msgspec.json.encode({"error": "GET, PUT /_faults/NAME or DELETE"})
        return 200, msgspec.json.encode({"faults": self._active})
