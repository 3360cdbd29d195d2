"""The bundles of pages: whole, loadable, built by Python alone, replaced at once; no page is rendered without them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.web.assets import BUNDLES, STATIC, BundlesMissing, fingerprint
from app.web.templating import create_environment
from devstack import assets


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """The sources as a clean clone has them."""
    return shutil.copytree(STATIC, tmp_path / "static", ignore=shutil.ignore_patterns("dist"))


def test_the_bundles_that_are_built_are_those_that_pages_need() -> None:
    assert tuple(assets.bundles()) == BUNDLES


def test_the_bundles_hold_every_source_once() -> None:
    assert sorted(path.stem for path in (STATIC / "css").glob("*.css")) == sorted(assets.STYLES)
    assert sorted(path.stem for path in (STATIC / "js").glob("*.js")) == sorted(assets.SCRIPTS)
    assert sorted(path.stem for path in (STATIC / "js" / "storage").glob("*.js")) == sorted(assets.UPLOADS)


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine here")
@pytest.mark.parametrize("name", [name for name in BUNDLES if name.endswith(".js")])
def test_the_joined_modules_do_not_share_a_name(tmp_path: Path, name: str) -> None:
    bundle = tmp_path / "bundle.mjs"
    bundle.write_text(assets.bundles()[name], "utf-8")
    done = subprocess.run(["node", "--check", str(bundle)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def test_python_alone_builds_them_as_the_image_does(static: Path) -> None:
    command = [sys.executable, "-I", "-S", assets.__file__, str(static)]
    subprocess.run(command, check=True, timeout=20)
    assert {path.name: path.read_text("utf-8") for path in (static / "dist").iterdir()} == assets.bundles(static)
    assert fingerprint(static) == fingerprint()


def test_only_a_bundle_that_differs_is_written(static: Path) -> None:
    assets.write(static)
    before = {name: (static / "dist" / name).stat().st_ino for name in BUNDLES}
    (static / "dist" / "berth.js").write_text("stale", "utf-8")
    assets.write(static)
    after = {name: (static / "dist" / name).stat().st_ino for name in BUNDLES}
    assert {name for name in BUNDLES if before[name] != after[name]} == {"berth.js"}
    assert (static / "dist" / "berth.js").read_text("utf-8") == assets.bundles(static)["berth.js"]


def test_nothing_that_renders_pages_starts_without_them(static: Path) -> None:
    with pytest.raises(BundlesMissing, match=r"holds no berth\.css, berth\.js, .*: run \./berth assets\."):
        create_environment(static_dir=static)
