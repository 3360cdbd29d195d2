"""`berth settings`: whether this environment is good, without starting anything. Says names, never a value."""

import argparse
import asyncio
import json
import os

from app.cli.environment import adopt_running_stack
from app.settings import Fault, SettingsError, load_settings, unknown_names
from app.settings.structs import Settings


def main(argv: list[str]) -> int:
    """Exit code 0 when a process would start with it, 1 when not; what is wrong, line by line."""
    parser = argparse.ArgumentParser("berth settings", description="Check the settings of this environment.")
    parser.add_argument("--ask", action="store_true", help="ask database, Valkey and NATS too, as processes do")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    asked = parser.parse_args(argv)
    adopt_running_stack()
    settings, faults, silent = asyncio.run(_check(ask=asked.ask))
    allowed = [one.name for one in settings.allowed] if settings else []
    if asked.json:
        reported = [fault._asdict() for fault in faults]
        print(json.dumps({"ok": not faults, "faults": reported, "allowed": allowed, "silent": silent}))
        return 1 if faults else 0
    for fault in faults:
        print(f"{fault.setting} {fault.text}" + (f"; or allow it: {fault.override}" if fault.override else ""))
    for name in silent:
        print(f"{name}: no answer")
    for name in unknown_names(os.environ):
        print(f"{name}: nobody reads it")
    print(f"allowed: {', '.join(allowed) or 'nothing'}")
    print("These settings cannot be used." if faults else "These settings are good.")
    return 1 if faults else 0


async def _check(*, ask: bool) -> tuple[Settings | None, tuple[Fault, ...], tuple[str, ...]]:
    from app.shared.service_checks import ask_services

    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        return None, error.faults, ()
    found = await ask_services(settings) if ask else None
    return settings, found.faults if found else (), found.silent if found else ()
