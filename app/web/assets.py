"""What pages load from app/static, and the fingerprint by which browsers keep it for a year.

The bundles in `dist` are built, not kept in the history: `./berth up`, `./berth test` and the image's build make them,
`./berth assets` does in any other checkout. Nothing that renders pages starts without them.
"""

import hashlib
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "static"
BUNDLES = ("berth.css", "berth.js", "charts.js", "uploads.js")


class BundlesMissing(Exception):
    """The styles or scripts of pages were not built; the message says how."""


def fingerprint(static: Path = STATIC) -> str:
    """Ten hex digits over the bundles and the files in folders (what a single page loads). Raises BundlesMissing."""
    bundles = [static / "dist" / name for name in BUNDLES]
    if missing := [bundle.name for bundle in bundles if not bundle.is_file()]:
        raise BundlesMissing(f"{static / 'dist'} holds no {', '.join(missing)}: run ./berth assets.")
    digest = hashlib.sha256()
    for path in (*bundles, *sorted((static / "css").glob("*/*.css")), *sorted((static / "js").glob("*/*.js"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
