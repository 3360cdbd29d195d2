"""`berth logs NAME [-f]`, and the tail that `berth up` shows. Reads log files; writes none."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack.home import Home
from devstack.runfile import NAMES

KEPT_BYTES = 5_000_000
_SHARED = {"maas": "simulators", "stripe": "simulators", "oidc": "simulators", "smtp": "simulators"}


@dataclass(slots=True)
class Tail:
    """New whole lines of some growing files, each with the label of its file."""

    files: dict[str, Path]
    _offsets: dict[str, int] = field(default_factory=dict)

    def skip_to_end(self) -> None:
        for label, path in self.files.items():
            with suppress(OSError):
                self._offsets[label] = path.stat().st_size

    def lines(self) -> Iterator[tuple[str, str]]:
        """What was added since the last call."""
        for label, path in self.files.items():
            offset = self._offsets.get(label, 0)
            with suppress(OSError), path.open("rb") as file:
                if path.stat().st_size < offset:
                    offset = 0
                file.seek(offset)
                added = file.read()
                whole = added[: added.rfind(b"\n") + 1]
                self._offsets[label] = offset + len(whole)
                for line in whole.decode(errors="replace").splitlines():
                    yield label, line


def rotate(home: Home) -> None:
    """Keeps one older generation of each log that has grown large."""
    for path in (home.path / "logs").glob("*.log"):
        if path.stat().st_size > KEPT_BYTES:
            path.replace(path.with_name(path.name + ".1"))


def main(argv: list[str]) -> int:
    """Prints a log; with -f keeps printing what is added until Ctrl-C."""
    names = (*NAMES, "simulators", "stack", "migrate", "seed")
    parser = argparse.ArgumentParser("berth logs", description="Print the log of one part.")
    parser.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing until Ctrl-C")
    parser.add_argument("-n", "--lines", type=int, default=200, help="how many of the last lines (200)")
    options = parser.parse_args(argv)
    path = Home.of_environment().log(_SHARED.get(options.name, options.name))
    if not path.exists():
        print(f"{options.name} has not written a log yet ({path})", file=sys.stderr)
        return 1
    tail = Tail({options.name: path})
    for _, line in list(tail.lines())[-options.lines :]:
        print(line)
    with suppress(KeyboardInterrupt):
        while options.follow:
            time.sleep(0.2)
            for _, line in tail.lines():
                print(line, flush=True)
    return 0
