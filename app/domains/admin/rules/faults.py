"""Faults of the development simulators as people type and read them. Pure."""

import re

import msgspec

NAME = re.compile(r"^[a-z][a-z0-9_]{1,40}$")


def given_of(spec: object) -> str:
    """What a fault was given, as short JSON; nothing but its count is left out."""
    return msgspec.json.encode(spec).decode()


def read_spec(text: str) -> dict[str, object] | None:
    """The JSON object that was typed; empty is “once”. None for anything else."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError:
        return None
