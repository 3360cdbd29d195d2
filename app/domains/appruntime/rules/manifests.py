"""What a manifest must look like, and what its command lines become on a machine. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping

import msgspec
from jsonschema import Draft202012Validator

from app.domains.appruntime.errors import ManifestInvalid

NAMES = ("home", "socket", "host", "origin", "name", "env", "files")
PLACEHOLDER = re.compile(r"\{(" + "|".join(NAMES) + r")\}")
FOLDER = ".berth"
TEXT: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": 4000}

SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "App manifest",
    "type": "object",
    "additionalProperties": False,
    "required": ["slug", "version", "title", "summary", "kind", "steps", "command", "health", "start_seconds"],
    "properties": {
        "slug": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,39}$"},
        "version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+(-[a-z0-9.]+)?$", "maxLength": 40},
        "title": {"type": "string", "minLength": 1, "maxLength": 60},
        "summary": {"type": "string", "minLength": 1, "maxLength": 200},
        "kind": {"enum": ["web"], "description": "web: speaks HTTP on {socket}"},
        "files": {
            "type": "object",
            "description": "written to {files} on the machine",
            "maxProperties": 20,
            "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
            "additionalProperties": {"type": "string", "maxLength": 500_000},
        },
        "steps": {
            "type": "array",
            "description": "each is run by sh in the home, in order, and shown with its label",
            "maxItems": 10,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["key", "label", "command"],
                "properties": {
                    "key": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,19}$"},
                    "label": {"type": "string", "minLength": 1, "maxLength": 100},
                    "command": TEXT,
                    "once": {"type": "boolean", "description": "not again on this machine for this very version"},
                },
            },
        },
        "command": {"type": "array", "minItems": 1, "maxItems": 60, "items": TEXT},
        "environment": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]{0,60}$"},
            "additionalProperties": {"type": "string", "maxLength": 4000},
        },
        "health": {"type": "string", "pattern": "^/[!-~]*$", "maxLength": 200},
        "start_seconds": {"type": "integer", "minimum": 1, "maximum": 3600},
        "websocket": {"type": "boolean"},
        "needs": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"gpus": {"type": "integer", "minimum": 0, "maximum": 64}},
        },
    },
}
VALIDATOR = Draft202012Validator(SCHEMA)


class ManifestStep(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    label: str
    command: str
    once: bool = False


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    gpus: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that was checked."""

    slug: str
    version: str
    title: str
    summary: str
    kind: str
    steps: tuple[ManifestStep, ...]
    command: tuple[str, ...]
    health: str
    start_seconds: int
    files: dict[str, str] = {}
    environment: dict[str, str] = {}
    websocket: bool = False
    needs: Needs = Needs()

    @property
    def fingerprint(self) -> str:
        """Twelve characters that change with whatever is installed: files and steps."""
        made = json.dumps([self.files, [step.command for step in self.steps]], sort_keys=True)
        return hashlib.sha256(made.encode()).hexdigest()[:12]


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Where one app sits. Paths are relative to the login's home, where everything is run."""

    home: str
    handle: str
    host: str
    origin: str
    name: str


def check(body: Mapping[str, object]) -> Manifest:
    """The manifest in `body`. Raises ManifestInvalid naming every place that is wrong."""
    faults = {
        "/".join(str(part) for part in error.absolute_path) or "manifest": error.message[:200]
        for error in VALIDATOR.iter_errors(dict(body))
    }
    if not faults:
        faults = _unknown_names(body)
    if faults:
        raise ManifestInvalid(fields=faults)
    return msgspec.convert(body, type=Manifest)


def _unknown_names(body: Mapping[str, object]) -> dict[str, str]:
    manifest = msgspec.convert(body, type=Manifest)
    keys = [step.key for step in manifest.steps]
    faults = {} if len(set(keys)) == len(keys) else {"steps": "two steps have the same key"}
    if not any("{socket}" in word for word in (*manifest.command, *manifest.environment.values())):
        faults["command"] = "the app is never told {socket}, where it has to listen"
    return faults


def socket_path(seat: Seat) -> str:
    """Where the app listens, as its login sees it."""
    return f"{seat.home}/{FOLDER}/apps/{seat.handle}/sock"


def files_path(manifest: Manifest) -> str:
    """Where its files lie, relative to the home."""
    return f"{FOLDER}/files/{manifest.slug}-{manifest.fingerprint}"


def spec_of(manifest: Manifest, seat: Seat, run: int) -> dict[str, object]:
    """What the runner on the machine is told."""
    env = f"{FOLDER}/envs/{manifest.slug}-{manifest.fingerprint}"
    values = {
        "home": seat.home,
        "socket": socket_path(seat),
        "host": seat.host,
        "origin": seat.origin,
        "name": seat.name,
        "env": env,
        "files": files_path(manifest),
    }

    def fill(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: values[match[1]], text)

    return {
        "run": run,
        "steps": [
            {
                "key": step.key,
                "label": step.label,
                "command": fill(step.command),
                "made": f"{env}/.made-{step.key}" if step.once else "",
            }
            for step in manifest.steps
        ],
        "command": [fill(word) for word in manifest.command],
        "environment": {name: fill(value) for name, value in manifest.environment.items()},
        "health": manifest.health,
        "host": seat.host,
        "start_seconds": manifest.start_seconds,
    }
