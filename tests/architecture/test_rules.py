"""Runs every rule of `rules/` over the repository, and proves on samples that each can fail and can pass."""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.source import Source, matches, sources

NAMES = sorted(path.stem for path in (Path(__file__).parent / "rules").glob("[a-z]*.py"))


def _rule(name: str) -> ModuleType:
    return import_module(f"tests.architecture.rules.{name}")


def _samples(kind: str) -> list[object]:
    return [
        pytest.param(name, path, text, id=f"{name}-{number}")
        for name in NAMES
        for number, (path, text) in enumerate(getattr(_rule(name), kind))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_repository_obeys_the_rule(name: str) -> None:
    rule = _rule(name)
    findings = [finding for source in sources(rule.SCOPE) for finding in rule.check(source)]
    assert not findings, f"{rule.__doc__}\n" + "\n".join(map(str, findings))


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_has_a_bad_and_a_good_sample(name: str) -> None:
    rule = _rule(name)
    assert rule.__doc__
    assert rule.BAD
    assert rule.GOOD


@pytest.mark.parametrize(("name", "path", "text"), _samples("BAD"))
def test_a_bad_sample_is_found(name: str, path: str, text: str) -> None:
    source = Source(path, text)
    assert matches(source.path, _rule(name).SCOPE)
    assert list(_rule(name).check(source))


@pytest.mark.parametrize(("name", "path", "text"), _samples("GOOD"))
def test_a_good_sample_passes(name: str, path: str, text: str) -> None:
    source = Source(path, text)
    if path.endswith(".py"):
        ast.parse(text)
    assert not list(_rule(name).check(source))
