"""The bundles of pages: whole, loadable, built by Python alone, replaced at once; no page is rendered without them."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from backports import zstd

from app.web.assets import BUNDLES, STATIC, Assets, BundlesMissing, assets_in
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


def test_one_file_alone_builds_them_as_the_image_does(static: Path) -> None:
    subprocess.run([sys.executable, "-I", assets.__file__, str(static)], check=True, timeout=20)
    built = (static / "dist").glob("*.*")
    assert {path.name: path.read_text("utf-8") for path in built} == assets.bundles(static)
    assert Assets(static).url("dist/berth.css") == assets_in().url("dist/berth.css")


def test_only_a_bundle_that_differs_is_written(static: Path) -> None:
    assets.write(static)
    before = {name: (static / "dist" / name).stat().st_ino for name in BUNDLES}
    (static / "dist" / "berth.js").write_text("stale", "utf-8")
    assets.write(static)
    after = {name: (static / "dist" / name).stat().st_ino for name in BUNDLES}
    assert {name for name in BUNDLES if before[name] != after[name]} == {"berth.js"}
    assert (static / "dist" / "berth.js").read_text("utf-8") == assets.bundles(static)["berth.js"]


def test_every_text_is_compressed_ahead_and_nothing_is_left_of_what_it_was(static: Path) -> None:
    assets.write(static)
    source = static / "js" / "terminal" / "main.js"
    before = Assets(static).find("js/terminal/main.js")
    source.write_text(source.read_text("utf-8") + "// more\n", "utf-8")
    assets.write(static)
    served = Assets(static)
    after = served.find("js/terminal/main.js")
    assert before is not None
    assert after is not None
    assert before.version != after.version
    texts = [path for path in static.rglob("*") if path.suffix in assets.TEXTS]
    for path in texts:
        asset = served.find(str(path.relative_to(static)))
        assert asset is not None
        assert zstd.decompress(asset.contents["zstd"]) == gzip.decompress(asset.contents["gzip"]) == path.read_bytes()
    kept = {path.stem for path in (static / "dist" / "encoded").iterdir()}
    assert len(kept) == len({path.read_bytes() for path in texts})


def test_a_page_cannot_name_a_file_that_there_is_not() -> None:
    with pytest.raises(KeyError, match="holds no dist/gone"):
        assets_in().url("dist/gone.css")


def test_nothing_that_renders_pages_starts_without_them(static: Path) -> None:
    with pytest.raises(BundlesMissing, match=r"holds no berth\.css, berth\.js, .*: run \./berth assets\."):
        create_environment(static_dir=static)
