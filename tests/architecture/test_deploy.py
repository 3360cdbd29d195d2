"""What is handed to operators stands on what exists: settings, metrics, probes, pinned images."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import Any

import pytest
import yaml

from app.settings import load_settings
from app.settings.table import SETTINGS
from app.shared.telemetry.metrics import REGISTRY
from app.web.system import SYSTEM_ROUTES
from tests.settings.good import good_environment

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VARIABLE = re.compile(r"\bBERTH_[A-Z0-9_]+\b")
METRIC = re.compile(r"\bberth_[a-z_]+\b")
SUFFIXES = ("_bucket", "_count", "_sum", "_total")


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            yield path.name, document


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in documents():
        if document["kind"] in ("Deployment", "Job"):
            yield f"{name}:{document['metadata']['name']}", document["spec"]["template"]["spec"]


def _named(path: Path) -> set[str]:
    return set(VARIABLE.findall(path.read_text("utf-8")))


def test_every_variable_that_a_file_sets_is_a_documented_setting() -> None:
    known = {name for page in ("settings", "operations") for name in _named(ROOT / "docs" / f"{page}.md")}
    for path in sorted(DEPLOY.rglob("*.*")):
        unknown = _named(path) - known
        assert not unknown, (path, unknown)


def test_every_setting_that_has_no_default_is_given() -> None:
    needed = {name for name, setting in SETTINGS.items() if setting.needed}
    assert len(needed) > 8
    texts = {
        "compose": "".join(path.read_text() for path in (DEPLOY / "compose").iterdir()),
        "kubernetes": "".join(path.read_text() for path in MANIFESTS),
    }
    for place, text in texts.items():
        assert not needed - set(VARIABLE.findall(text)), place


def _filled(text: str) -> str:
    """A value as somebody would fill it in: what stands in brackets is theirs, an address in them is an example."""
    return re.sub(r"^<(\w+://[^>]*|[\w.]+@[\w.]+)>$", r"\1", text)


def _compose() -> dict[str, str]:
    """What the web process of compose gets."""
    lines = (DEPLOY / "compose" / "berth.env.example").read_text("utf-8").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    given = {name: _filled(value) for name, value in pairs.items()}
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))["services"]
    passwords = {name: token_hex(20) for name in given if name.endswith("PASSWORD")}
    web = {name: Template(value).substitute(passwords) for name, value in services["web"]["environment"].items()}
    return {**given, **web}


def _kubernetes() -> dict[str, str]:
    """What the web process gets from the ConfigMap; the Secret is to be filled in."""
    found: dict[str, str] = {}
    for _, document in documents():
        if document["kind"] == "ConfigMap":
            found |= document["data"]
        if document["kind"] == "Secret" and document["metadata"]["name"] == "berth":
            found |= document["stringData"]
    return found


@pytest.mark.parametrize("place", [_compose, _kubernetes])
def test_the_examples_are_good_once_their_secrets_are_filled_in(place: Callable[[], dict[str, str]]) -> None:
    given, good = place(), good_environment(SMTP_URL=f"smtps://me:{token_hex(9)}@mail.example.com")
    filled = {name: good.get(name, value) if value == "" or "<" in value else value for name, value in given.items()}
    filled |= {"BERTH_MAIL_FROM": "Berth <no-reply@example.com>", "BERTH_TRUSTED_PROXIES": "10.0.0.0/8"}
    settings = load_settings({name: value for name, value in filled.items() if name.startswith("BERTH_")})
    assert settings.env == "production"
    assert all(one.settings for one in settings.allowed)


def _metrics() -> set[str]:
    import workers.metrics  # noqa: F401 - it registers the workers' metrics

    return {family.name for family in REGISTRY.collect()}


@pytest.mark.parametrize("path", ["prometheus/rules.yaml", "grafana/berth.json"])
def test_every_metric_that_is_asked_for_exists(path: str) -> None:
    known = _metrics()
    asked = set(METRIC.findall((DEPLOY / path).read_text("utf-8")))
    bases = {next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name) for name in asked}
    assert bases
    assert bases <= known, bases - known


def test_an_alert_says_what_people_notice_and_where_to_look() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())["groups"][0]["rules"]
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "see"}
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_panels_are_apart() -> None:
    panels = json.loads((DEPLOY / "grafana/berth.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_containers_may_do_nothing_they_do_not_need() -> None:
    seen = set()
    for name, pod in pods():
        seen.add(pod["containers"][0]["args"][0])
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"], name
            assert rights["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name
    assert seen == {"web", "worker", "provisioner", "terminal-host", "migrate"}


def test_probes_ask_addresses_that_exist_and_a_drain_ends_before_the_kill() -> None:
    paths = {path for route in SYSTEM_ROUTES for path in getattr(route, "paths", ())}  # routers have none
    pod = dict(pods())["web.yaml:web"]
    container = pod["containers"][0]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    drain = next(int(item["value"]) for item in container["env"] if item["name"] == "BERTH_DRAIN_SECONDS")
    assert drain + 5 + 5 < pod["terminationGracePeriodSeconds"]
    assert container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"] < drain


def test_images_are_pinned() -> None:
    services = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?|\d+\.\d+", tag), (name, service["image"])
