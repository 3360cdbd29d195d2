"""No file depends on one machine or on one package registry: neither their host names nor local paths appear."""

import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SUFFIXES = "py toml md txt in lock cfg ini yml yaml json html css js sh mako sql conf".split()
SCOPE = (*(f"**/*.{suffix}" for suffix in SUFFIXES), "berth", "Dockerfile", "**/Dockerfile", "Makefile")
VENDORED = ("app/static",)
# Written in pieces, so that this file obeys its own rule.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "yarnpkg" + ".com")
MACHINE_PATHS = ("/" + "work/", "/" + "root/", "/" + "tmp/berth")
PATTERNS = [
    (re.compile("|".join(map(re.escape, REGISTRIES))), "a package registry"),
    (re.compile(r"(?<![\w.:/~*-])(?:" + "|".join(MACHINE_PATHS) + ")"), "a path of one machine"),
]


def check(source: Source) -> Iterator[Finding]:
    if source.under(*VENDORED):
        return
    for number, line in enumerate(source.lines, start=1):
        for pattern, meaning in PATTERNS:
            match = pattern.search(line)
            if match:
                yield source.finding(number, f"{match[0]} names {meaning}")


BAD = [
    ("requirements/run.in", "--index-url https://" + REGISTRIES[0] + "/simple\n"),
    ("docs/tour.md", "It lives in " + MACHINE_PATHS[0] + "main.\n"),
]
GOOD = [
    ("docs/tour.md", "The homework/ folder, the paths /home and /rootfs/ are no findings.\n"),
    ("app/a.py", "URL = 'https://berth.example/work/1'\n"),
]
