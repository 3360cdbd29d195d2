"""Accessibility of a page as axe-core sees it; run through the debugger, so that the content policy stays as it is."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from e2e.stack import ROOT

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _source() -> str:
    [path] = sorted((ROOT / "tests" / "assets").glob("axe-core-*/axe.min.js"))
    return Path(path).read_text()


SOURCE = _source()


def violations(page: Page) -> list[str]:
    """One line for each violation: rule, what it wants, where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SOURCE)
    result: dict[str, Any] = page.evaluate(
        "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", _RULES
    )
    return [
        f"{found['id']}: {found['help']}; {node['target']} {node['html'][:120]}"
        for found in result["violations"]
        for node in found["nodes"][:3]
    ]
