"""The two files every page loads: berth.css and berth.js, joined from app/static/css and app/static/js in the order
below; charts.js for pages with charts and uploads.js for pages that take files.

`python -m app.web.assets` writes app/static/dist; the files are committed and a test refuses a stale one.
Joining keeps a page at eight requests without a build tool. A JavaScript source is an ES module whose imports are local
and named; joined, they share one module scope, so top-level names are unique across files (the test loads the result).
Refuses anything but these bundles.
"""

import hashlib
import re
import sys
from pathlib import Path

CSS_ORDER = (
    "tokens", "fonts", "base", "layout", "components", "berth", "pages",
    "keys", "apps", "storage", "inbox", "team", "usage", "fleet", "console", "api",
)  # fmt: skip
JS_ORDER = ("ticker", "toast", "copy", "dialog", "menu", "theme", "once", "live", "palette", "app")
CHARTS_CSS = "vendor/uplot-1.6.32/uPlot.min.css"
CHARTS_JS = ("vendor/uplot-1.6.32/uPlot.iife.min.js", "js/usage/charts.js")  # one file, on pages with charts only
UPLOADS_JS = ("api", "send", "queue", "walk", "panel", "main")  # of js/storage: one file, on pages that take files
STATIC = Path(__file__).resolve().parents[1] / "static"

_IMPORT = re.compile(r"^import\b[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class)\b)", re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_JS_LINE_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_JS_BLOCK_COMMENT = re.compile(r"^/\*.*?\*/\n", re.DOTALL | re.MULTILINE)


def build_css(static: Path = STATIC) -> str:
    """All styles in order, comments and indentation dropped."""
    sources = [*(static / "css" / f"{name}.css" for name in CSS_ORDER), static / CHARTS_CSS]
    text = "\n".join(source.read_text("utf-8") for source in sources)
    lines = (line.strip() for line in _CSS_COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def build_js(static: Path = STATIC) -> str:
    """What every page runs."""
    return _join([static / "js" / f"{name}.js" for name in JS_ORDER])


def build_uploads(static: Path = STATIC) -> str:
    """What uploads files from a folder's page."""
    return _join([static / "js" / "storage" / f"{name}.js" for name in UPLOADS_JS])


def _join(sources: list[Path]) -> str:
    """Modules in order as one module: local imports and `export` words dropped, whole-line comments too."""
    text = "\n".join(source.read_text("utf-8") for source in sources)
    for pattern in (_JS_BLOCK_COMMENT, _IMPORT, _EXPORT, _JS_LINE_COMMENT):
        text = pattern.sub("", text)
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


def build_charts(static: Path = STATIC) -> str:
    """The chart library and our module behind it, as one module: `uPlot` is a name inside it, not a global."""
    library, ours = ((static / name).read_text("utf-8") for name in CHARTS_JS)
    return library.strip() + "\n" + _JS_LINE_COMMENT.sub("", ours)


def fingerprint(static: Path = STATIC) -> str:
    """Ten hex digits over both bundles and the files in folders (what a single page loads): the `?v=` that lets a
    browser keep them for a year."""
    digest = hashlib.sha256()
    for name in ("berth.css", "berth.js", "charts.js", "uploads.js"):
        digest.update((static / "dist" / name).read_bytes())
    for path in (*sorted((static / "css").glob("*/*.css")), *sorted((static / "js").glob("*/*.js"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def main(static: Path = STATIC) -> int:
    """Write the bundles."""
    (static / "dist").mkdir(exist_ok=True)
    (static / "dist" / "berth.css").write_text(build_css(static), "utf-8")
    (static / "dist" / "berth.js").write_text(build_js(static), "utf-8")
    (static / "dist" / "charts.js").write_text(build_charts(static), "utf-8")
    (static / "dist" / "uploads.js").write_text(build_uploads(static), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
