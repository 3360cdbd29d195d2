"""What pages load from app/static: each file with its version (a hash of its content) and compressed forms.

`./berth assets` joins the bundles in `dist` and compresses every text into `dist/encoded/<version>.<coding>`. Neither
is kept in the history: `./berth up`, `./berth test` and the image's build make them. Nothing that renders pages starts
without the bundles.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

STATIC = Path(__file__).resolve().parents[1] / "static"
BUNDLES = ("berth.css", "berth.js", "charts.js", "uploads.js")
ENCODED = "dist/encoded"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    "": "text/plain; charset=utf-8",  # licences
}


class BundlesMissing(Exception):
    """The styles or scripts of pages were not built; the message says how."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `contents` holds it by content coding; `identity` is always there."""

    version: str
    kind: str
    contents: dict[str, bytes]

    def best(self, codings: Sequence[str]) -> tuple[str, bytes]:
        """Coding and content: the first of `codings` that there is, else as it is."""
        coding = next((coding for coding in codings if coding in self.contents), "identity")
        return coding, self.contents[coding]


class Assets:
    """All files below one folder, found by their path in it. A file is read when it is first asked for."""

    def __init__(self, static: Path) -> None:
        """Raises BundlesMissing."""
        absent = [name for name in BUNDLES if not (static / "dist" / name).is_file()]
        if absent:
            raise BundlesMissing(f"{static / 'dist'} holds no {', '.join(absent)}: run ./berth assets.")
        self._static = static
        self._names = frozenset(
            str(path.relative_to(static))
            for path in static.rglob("*")
            if path.is_file() and path.suffix in KINDS and not path.is_relative_to(static / ENCODED)
        )
        self._read: dict[str, Asset] = {}

    def find(self, name: str) -> Asset | None:
        """The file at that path below the folder."""
        if name not in self._names:
            return None
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def url(self, name: str) -> str:
        """Where a browser finds the file and may keep it: a vendored path holds its version, the others get theirs.
        Raises KeyError for a file that there is not."""
        if (asset := self.find(name)) is None:
            raise KeyError(f"app/static holds no {name}")
        return f"/static/{name}" if name.startswith("vendor/") else f"/static/{name}?v={asset.version}"

    def _load(self, name: str) -> Asset:
        content = (self._static / name).read_bytes()
        version = hashlib.sha256(content).hexdigest()[:16]
        encoded = {path.suffix[1:]: path.read_bytes() for path in (self._static / ENCODED).glob(f"{version}.*")}
        return Asset(version=version, kind=KINDS[Path(name).suffix], contents={"identity": content, **encoded})


@cache
def assets_in(static: Path = STATIC) -> Assets:
    """The files of one folder, shared by a process. Raises BundlesMissing."""
    return Assets(static)
