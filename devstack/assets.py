"""`./berth assets`: joins the sources of styles and scripts, in the order below, into the bundles that pages load, and
compresses every text that is served, as tightly as it goes: `dist/encoded/<hash of the content>.<coding>`.

Needs no other file of ours, so that the image's build stage runs this file alone. A script's source is an ES
module whose imports are local and named; joined, they share one module scope, so that top-level names are unique over
all files of a bundle (a test loads the results). A bundle is replaced at once and only when it differs: several
processes may write at a time, and a checkout that cannot be written needs no writing once it is built.
"""

import gzip
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from backports import zstd

STYLES = (
    "tokens", "fonts", "base", "layout", "components", "berth", "pages",
    "keys", "apps", "storage", "inbox", "team", "usage", "fleet", "console", "api",
)  # fmt: skip
SCRIPTS = ("ticker", "toast", "copy", "dialog", "menu", "theme", "once", "live", "palette", "app")
UPLOADS = ("api", "send", "queue", "walk", "panel", "main")  # of js/storage
CHARTS = "vendor/uplot-1.6.32"
STATIC = Path(__file__).resolve().parents[1] / "app" / "static"
TEXTS = (".css", ".js", ".mjs", ".svg")
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda content: zstd.compress(content, 19),
    "gzip": lambda content: gzip.compress(content, 9, mtime=0),
}

_IMPORT = re.compile(r"^import\b[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class)\b)", re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_JS_LINE_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_JS_BLOCK_COMMENT = re.compile(r"^/\*.*?\*/\n", re.DOTALL | re.MULTILINE)


def main(argv: list[str]) -> int:
    """Writes the bundles of this checkout, or of the `static` folder that is named."""
    write(Path(argv[0]) if argv else STATIC)
    return 0


def write(static: Path = STATIC) -> None:
    """Brings `static/dist` up to date. Raises OSError when a file differs and cannot be written."""
    folder = static / "dist"
    for name, text in bundles(static).items():
        if not (folder / name).exists() or (folder / name).read_text("utf-8") != text:
            folder.mkdir(exist_ok=True)
            _replace(folder / name, text.encode())
    _compress(static, folder / "encoded")


def _compress(static: Path, folder: Path) -> None:
    """Each text once under the hash of its content; what belongs to no text any more goes."""
    texts = [path.read_bytes() for path in static.rglob("*") if path.suffix in TEXTS]
    wanted = {
        f"{hashlib.sha256(text).hexdigest()[:16]}.{coding}": (text, coding) for text in texts for coding in CODINGS
    }
    present = {path.name for path in folder.glob("[!.]*")}  # a name with a dot is still being written
    for name in sorted(wanted.keys() - present):
        folder.mkdir(exist_ok=True)
        text, coding = wanted[name]
        _replace(folder / name, CODINGS[coding](text))
    for name in present - wanted.keys():
        (folder / name).unlink(missing_ok=True)


def bundles(static: Path = STATIC) -> dict[str, str]:
    """What each bundle holds, by its name in `dist`."""
    styles = [*(static / "css" / f"{name}.css" for name in STYLES), static / CHARTS / "uPlot.min.css"]
    return {
        "berth.css": _joined_css(styles),
        "berth.js": _joined_js([static / "js" / f"{name}.js" for name in SCRIPTS]),
        "charts.js": _with_library(static / CHARTS / "uPlot.iife.min.js", static / "js" / "usage" / "charts.js"),
        "uploads.js": _joined_js([static / "js" / "storage" / f"{name}.js" for name in UPLOADS]),
    }


def _replace(path: Path, content: bytes) -> None:
    """Readers see the old content or the new, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with open(descriptor, "wb") as file:
        file.write(content)
    os.chmod(name, 0o644)
    os.replace(name, path)


def _joined_css(sources: list[Path]) -> str:
    """Styles in order; comments and indentation are dropped."""
    text = "\n".join(source.read_text("utf-8") for source in sources)
    lines = (line.strip() for line in _CSS_COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def _joined_js(sources: list[Path]) -> str:
    """Modules in order as one module; local imports, `export` words and whole-line comments are dropped."""
    text = "\n".join(source.read_text("utf-8") for source in sources)
    for pattern in (_JS_BLOCK_COMMENT, _IMPORT, _EXPORT, _JS_LINE_COMMENT):
        text = pattern.sub("", text)
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


def _with_library(library: Path, module: Path) -> str:
    """A library and our module behind it as one module: what the library defines is a name inside it, not a global."""
    return library.read_text("utf-8").strip() + "\n" + _JS_LINE_COMMENT.sub("", module.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
