"""`berth status [--json]`: what runs and where. Exit code 0 ready, 3 not running, 1 starting or with a part down."""

import argparse
import json
from typing import Any

from devstack import runfile
from devstack.home import Home

READY, INCOMPLETE, NOT_RUNNING = 0, 1, 3


def main(argv: list[str]) -> int:
    """Prints the table or the contract JSON (secrets included: it is for tools of the same user)."""
    parser = argparse.ArgumentParser("berth status", description="What runs, where, and since when it is ready.")
    parser.add_argument("--json", action="store_true", help="print everything, for programs")
    options = parser.parse_args(argv)
    status = runfile.read(Home.of_environment())
    if status is None:
        print(json.dumps({"phase": "down", "url": None, "services": {}}) if options.json else "not running: ./berth up")
        return NOT_RUNNING
    if options.json:
        print(json.dumps(status, indent=1))
    else:
        print("\n".join(table(status)))
    return READY if status["phase"] == "ready" and not missing(status) else INCOMPLETE


def missing(status: dict[str, Any]) -> list[str]:
    """The expected parts that are not ready."""
    return [name for name in status["expected"] if not status["services"][name]["ready"]]


def table(status: dict[str, Any]) -> list[str]:
    """Lines for people; without passwords."""
    lines = [f"{status['url']}  ({status['phase']})", ""]
    for name, service in status["services"].items():
        state = "ready" if service["ready"] else "down" if name in status["expected"] else "off"
        url = service["url"]
        place = url.rpartition("@")[2] if "@" in url else url
        lines.append(f"  {name:<12} {state:<10} {service['pid'] or '-':>8}  {place}")
    lines += ["", "Sign in as"]
    lines += [f"  {role:<9} {who['name']} <{who['email']}>" for role, who in status["logins"].items()]
    return lines
