"""Templates cannot run what a person typed: no |safe, no inline script, style or handler, no hx-on, no autoescape off.

The content security policy forbids the same in the browser; e-mail bodies have no other way to be styled than inline.
"""

import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/templates/**/*.html", "app/templates/**/*.jinja")
JINJA = {
    r"\|\s*safe\b": "|safe turns escaping off",
    r"\{%-?\s*autoescape\s+false": "autoescape is turned off",
}
HTML = {
    r"<script(?![^>]*\b(?:src=|type=[\"']application/json))[^>]*>": "an inline script",
    r"[\s\"']on[a-z]{3,}\s*=\s*[\"']": "an inline event handler",
    r"\bhx-on\b": "hx-on evaluates text as script",
    r"javascript:": "a javascript: address",
    r"hx-(?:vals|headers)\s*=\s*[\"']js:": "hx-vals or hx-headers evaluates text as script",
}
PAGES = {r"<style\b": "an inline style sheet", r"[\s\"']style\s*=\s*[\"']": "an inline style"}


def check(source: Source) -> Iterator[Finding]:
    template = _blank(r"\{#.*?#\}", source.text)
    yield from _search(source, template, JINJA)
    markup = _blank(r"\{%.*?%\}|\{\{.*?\}\}", template)
    yield from _search(source, markup, HTML if source.under("app/templates/email") else HTML | PAGES)


def _blank(pattern: str, text: str) -> str:
    """The text without the matches, its lines still counted right; a value in an attribute leaves an x."""
    return re.sub(pattern, lambda match: "x" + "\n" * match[0].count("\n"), text, flags=re.S)


def _search(source: Source, text: str, patterns: dict[str, str]) -> Iterator[Finding]:
    for pattern, message in patterns.items():
        for match in re.finditer(pattern, text, flags=re.I):
            yield source.finding(text.count("\n", 0, match.start()) + 1, message)


PAGE = "app/templates/billing/overview.html"
BAD = [
    (PAGE, "<p>{{ page.note | safe }}</p>"),
    (PAGE, "<script>alert(1)</script>"),
    (PAGE, '<script nonce="x">alert(1)</script>'),
    (PAGE, '<a onclick="go()">x</a>'),
    (PAGE, '<div hx-on:click="go()"></div>'),
    (PAGE, '<p style="color:red">x</p>'),
    (PAGE, "<p style='{{ page.style }}'>x</p>"),
    (PAGE, "<style>p { color: red }</style>"),
    (PAGE, "{% autoescape false %}x{% endautoescape %}"),
]
GOOD = [
    (PAGE, '<script src="/static/js/app.js" defer></script><p class="only-option">{{ page.note }}</p>'),
    (PAGE, '<script type="application/json">{"a": 1}</script><p data-onboarding="x">{# never |safe #}</p>'),
    (PAGE, '{% macro time(value, style="relative") %}<p>{{ value }}</p>{% endmacro %}'),
    ("app/templates/email/low_balance/body.html", '<p style="color:#333">x</p>'),
]
