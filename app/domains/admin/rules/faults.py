"""Options of a simulator's fault, as typed and as shown. Pure."""

import re

import msgspec

NAME = re.compile(r"^[a-z][a-z0-9_]{1,40}$")


def given_text(spec: object) -> str:
    """The options of a fault as compact JSON."""
    return msgspec.json.encode(spec).decode()


def read_spec(text: str) -> dict[str, object] | None:
    """The JSON object that was typed; an empty text is an empty object. None for anything else."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError:
        return None
