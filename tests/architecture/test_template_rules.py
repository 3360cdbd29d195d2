"""What no template may hold: inline code, inline style, unescaped markup, code in htmx attributes. Each rule has a
sample it must refuse."""

import re
from importlib import import_module
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "app" / "templates"
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)

RULES = {
    "inline style": re.compile(r"""<style[\s>]|\sstyle\s*=|["']style["']\s*:""", re.IGNORECASE),
    "inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "event attribute": re.compile(r"""[\s"']on[a-z]+\s*=\s*["']|["']on[a-z]+["']\s*:""", re.IGNORECASE),
    "hx-on": re.compile(r"hx-on[:-]", re.IGNORECASE),
    "code in an htmx value": re.compile(
        r"""=\s*["'](?:js|javascript):|hx-(?:vals|headers|vars|confirm)[\w:]*["']?\s*[=:]\s*["']js:""", re.IGNORECASE
    ),
    "trigger filter (needs eval)": re.compile(r"""hx-trigger["']?\s*[=:]\s*["'][^"']*\["""),
    "markup taken on trust": re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\("),
    "another host": re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", re.IGNORECASE),
}
BAD = {
    "inline style": ['<p style="x">', "<style>", '{"style": "x"}'],
    "inline script": ["<script>", '<script type="module">'],
    "event attribute": ['<a onclick="x">', '{"onclick": "x"}'],
    "hx-on": ['<a hx-on:click="x">', '<a hx-on--load="x">'],
    "code in an htmx value": ['<a hx-vals="js:{a: 1}">', '<a href="javascript:x">'],
    "trigger filter (needs eval)": ['<a hx-trigger="click[ctrlKey]">'],
    "markup taken on trust": ["{{ x|safe }}", "{% autoescape false %}"],
    "another host": ['<img src="//cdn.example/x.png">', '<script src="https://cdn.example/x.js">'],
}


def broken(text: str) -> list[str]:
    bare = COMMENT.sub("", text)
    return [name for name, pattern in RULES.items() if pattern.search(bare)]


def web_templates() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*.html") if "email" not in path.relative_to(TEMPLATES).parts)


@pytest.mark.parametrize("path", web_templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_holds_nothing_the_policy_forbids(path: Path) -> None:
    assert broken(path.read_text("utf-8")) == []


@pytest.mark.parametrize(("rule", "sample"), [(rule, sample) for rule, samples in BAD.items() for sample in samples])
def test_each_rule_refuses_its_bad_sample(rule: str, sample: str) -> None:
    assert rule in broken(sample)


def test_the_good_sample_passes() -> None:
    assert (
        broken('<script src="{{ asset("a.js") }}" defer></script><a hx-get="/x" hx-trigger="live" class="on">ok</a>')
        == []
    )


def test_every_page_sets_a_title() -> None:
    rooms = [path for path in web_templates() if path.relative_to(TEMPLATES).parts[0] not in ("layouts", "components")]
    for path in rooms:
        text = path.read_text("utf-8")
        if '{% extends "layouts/' in text:
            assert re.search(r"\{%-?\s*block title\s*-?%\}", text), path


def named_structs(text: str) -> list[tuple[str, str]]:
    """(module, name) of the page structs that the comment at the top of a template names."""
    head = text.split("#}")[0]
    found = re.findall(r"page: ((?:\w+\.)+)([A-Z]\w+)", head)
    return [
        (path.rstrip(".") if path.startswith("app.") else f"app.domains.{path.rstrip('.')}", name)
        for path, name in found
    ]


def test_a_template_names_a_page_struct_that_is_there() -> None:
    named = [
        (path.name, *struct) for path in TEMPLATES.rglob("*.html") for struct in named_structs(path.read_text("utf-8"))
    ]
    assert len(named) > 60
    assert not [one for one in named if not hasattr(import_module(one[1]), one[2])]


def test_a_struct_that_has_moved_would_be_found() -> None:
    [(module, name)] = named_structs("{# The inbox. page: notification.schemas.InboxPage. #}")
    assert not hasattr(import_module(module), name)
