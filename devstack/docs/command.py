"""`./berth docs`: writes the pages of `docs/` that are tables of what stands in the code, and the API's description.

A test compares them, so that a page cannot say something else than the code. A description that would break programs is
not written without being told to. Owns no prose: that is written by hand.
"""

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from devstack.docs import tables
from devstack.docs.compatibility import losses
from devstack.docs.openapi import openapi
from devstack.docs.settings import settings_page

API = "openapi.json"
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOMAINS = ROOT / "app" / "domains"


def main(argv: list[str]) -> int:
    """Writes the pages; with `--check` writes nothing and answers 1 when one of them is out of date."""
    parser = argparse.ArgumentParser("berth docs", description="Write the pages that are generated from the code.")
    parser.add_argument("--check", action="store_true", help="only say which pages are out of date")
    parser.add_argument("--break-clients", action="store_true", help="write an API that takes something away")
    options = parser.parse_args(argv)
    stale = {name: text for name, text in pages().items() if _read(DOCS / name) != text}
    broken = _broken(stale.get(API)) if not options.break_clients else []
    for line in broken:
        print(f"docs/{API}: {line}")
    if broken:
        return 1
    for name, text in stale.items():
        if not options.check:
            (DOCS / name).write_text(text, "utf-8")
        print(f"docs/{name} {'is out of date; run ./berth docs' if options.check else 'written'}")
    return 1 if options.check and stale else 0


def pages() -> dict[str, str]:
    """Every generated page by its name in `docs/`."""
    _know_everything()
    makers: dict[str, Callable[[], str]] = {
        "errors.md": tables.errors_page,
        "events.md": tables.events_page,
        "permissions.md": tables.permissions_page,
        "policies.md": tables.policies_page,
        "limits.md": tables.limits_page,
        "settings.md": settings_page,
        API: openapi,
    }
    return {name: make() for name, make in makers.items()}


def _broken(text: str | None) -> list[str]:
    """What programs lose by the new description."""
    before = _read(DOCS / API)
    return losses(json.loads(before), json.loads(text)) if text and before else []


def _know_everything() -> None:
    """Errors and policies are known once their modules are imported."""
    import_module("app.registry")
    import_module("app.web.errors.render")
    for path in sorted([*DOMAINS.glob("*/errors.py"), *DOMAINS.glob("*/errors/__init__.py")]):
        import_module(f"app.domains.{path.relative_to(DOMAINS).parts[0]}.errors")


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
