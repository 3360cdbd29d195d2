"""What the header of a domain says is true, what its `public` offers is asked for, and nothing lives for tests only."""

import inspect
from importlib import import_module

import pytest

from app import models
from app.registry import DOMAINS
from app.shared.events.base import CATALOGUE
from tests.architecture.reach import modules, names_of, unreached, used_from_outside
from tests.architecture.rules.domain_docstring import parse
from tests.architecture.source import ROOT

NAMES = [path.name for path in sorted((ROOT / "app" / "domains").iterdir()) if (path / "__init__.py").exists()]
SUBJECTS = {cls.SUBJECT.removeprefix("berth.v1."): cls.__module__ for cls in CATALOGUE.values()}
ASKED_BY_TESTS = {"app.shared.use_case:is_use_case"}  # which functions are use cases is what a rule asks
EVENTS = {subject: module.split(".")[2] for subject, module in SUBJECTS.items() if module.startswith("app.domains.")}


def _said(name: str) -> dict[str, set[str]]:
    docstring = inspect.getdoc(import_module(f"app.domains.{name}")) or ""
    return {word: set(text.split(", ")) - {"nothing"} for word, text in parse(docstring).items()}


def _consumed(name: str) -> set[str]:
    heard = {
        cls.SUBJECT.removeprefix("berth.v1.")
        for domain in DOMAINS
        if domain.name == name
        for spec in domain.consumers
        for cls in spec.events
    }
    return {"every event"} if heard == set(EVENTS) else heard


@pytest.mark.parametrize("name", NAMES)
def test_a_domain_owns_emits_and_consumes_what_its_header_says(name: str) -> None:
    assert _said(name) == {
        "Owns": {table.name for table in models.metadata.tables.values() if table.schema == name},
        "Emits": {subject for subject, domain in EVENTS.items() if domain == name},
        "Consumes": _consumed(name),
    }


def test_whatever_a_public_offers_is_asked_for_by_somebody_else() -> None:
    public = {name: f"app.domains.{name}.public" for name in NAMES}
    offered = {name: names_of(modules()[module].tree) for name, module in public.items() if module in modules()}
    assert len(offered) > 8
    assert {name: names - used_from_outside().get(name, set()) for name, names in offered.items()} == {
        name: set() for name in offered
    }


def test_nothing_of_the_product_is_reached_by_tests_only() -> None:
    assert set(unreached()) == ASKED_BY_TESTS
