"""How things are shown: tables for people, the API's own JSON for programs. Colour only on a terminal without NO_COLOR.

Amounts come as micro-units and are shown in whole cents without ever becoming a floating-point number.
"""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from app.cli.client.streams import plain as plain
from app.cli.client.streams import say as say
from app.cli.client.streams import write as write

Row = Sequence[object]
STARTING = ("requested", "placing", "provisioning", "configuring")


def is_terminal() -> bool:
    """Whether a person looks at our output."""
    return sys.stdout.isatty()


def has_colour() -> bool:
    return is_terminal() and not os.environ.get("NO_COLOR")


def styled(text: str, **style: object) -> str:
    """Coloured where colour is wanted."""
    return click.style(text, **style) if has_colour() else text  # type: ignore[arg-type]  # click's own keywords


def show_json(answer: object) -> None:
    """Exactly what the API answered; pages of a list are joined."""
    write(json_of(answer, indent=2) + "\n")


def json_of(answer: object, indent: int | None = None) -> str:
    """JSON that the stream can hold: what its encoding lacks is escaped."""
    unicode = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")
    return json.dumps(answer, indent=indent, ensure_ascii=not unicode)


def listed(items: Sequence[object]) -> dict[str, object]:
    """A whole list in the API's form."""
    return {"items": list(items), "next_cursor": None}


def width_of(text: str) -> int:
    """Columns on a terminal: wide signs take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def cut(text: str, width: int) -> str:
    """At most `width` columns; what is left out is marked."""
    if width_of(text) <= width:
        return text
    kept = ""
    for sign in text:
        if width_of(kept + sign) > width - 1:
            break
        kept += sign
    return kept + "…"


def table(columns: Sequence[str], rows: Sequence[Row], empty: str, right: Sequence[str] = ()) -> None:
    """Print a table; on a terminal the widest column gives way. Without rows `empty` says the first step."""
    if not rows:
        say(empty)
        return
    cells = [[plain(value) for value in row] for row in rows]
    widths = [max(width_of(line[at]) for line in [list(columns), *cells]) for at in range(len(columns))]
    if is_terminal():
        widths = fitted(columns, widths, right, shutil.get_terminal_size().columns)
    shown = columns[: len(widths)]
    lines = [styled(_line(shown, widths, shown, right), bold=True)]
    lines += [_line(line[: len(widths)], widths, shown, right) for line in cells]
    write("\n".join(lines) + "\n")


def fitted(columns: Sequence[str], widths: Sequence[int], right: Sequence[str], room: int) -> list[int]:
    """Widths that fit: the last columns go first, then texts are cut. Numbers are whole or not there."""
    min_widths = [width if column in right else min(width, 10) for column, width in zip(columns, widths, strict=True)]
    kept = len(columns)
    while kept > 2 and sum(min_widths[:kept]) + 2 * (kept - 1) > room:
        kept -= 1
    found, free = min_widths[:kept], room - sum(min_widths[:kept]) - 2 * (kept - 1)
    for at in range(kept):
        more = max(0, min(widths[at] - found[at], free))
        found[at] += more
        free -= more
    return found


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[str], right: Sequence[str]) -> str:
    shown = []
    for at, text in enumerate(cells):
        text = cut(text, widths[at])
        pad = " " * (widths[at] - width_of(text))
        shown.append(pad + text if columns[at] in right else text + pad)
    return "  ".join(shown).rstrip()


def show_details(pairs: Sequence[tuple[str, object]]) -> None:
    """Name and value, line by line; what is not there is left out."""
    shown = [(name, plain(value)) for name, value in pairs if value not in (None, "")]
    width = max((width_of(name) for name, _ in shown), default=0)
    for name, value in shown:
        write(f"{styled(name.ljust(width), dim=True)}  {value}\n")


def money(micro: int | None, currency: str = "USD") -> str:
    """`1,234.56 USD` from micro-units, rounded half-even to the cent."""
    if micro is None:
        return "-"
    cents, rest = divmod(abs(micro), 10_000)
    cents += rest > 5_000 or (rest == 5_000 and cents % 2)
    sign = "-" if micro < 0 and cents else ""
    return f"{sign}{cents // 100:,}.{cents % 100:02d} {currency}"


def moment(text: str | None) -> str:
    """An instant of the API in the zone of this computer."""
    if not text:
        return "-"
    at = datetime.fromisoformat(text)
    try:
        return at.astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError):  # the first and last days that there are have no other zone
        return at.strftime("%Y-%m-%d %H:%M")


def seconds(count: int | None) -> str:
    """`2 h 05 min`."""
    if count is None:
        return "-"
    minutes, left = divmod(int(count), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {left:02d} s" if minutes else f"{left} s"


def size(count: int | None) -> str:
    """`3.2 GiB` of a number of bytes."""
    if count is None:
        return "-"
    unit, value = "B", count * 10
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 10_240:
            break
        value, unit = value // 1024, larger
    return f"{value // 10} {unit}" if unit == "B" else f"{value // 10}.{value % 10} {unit}"


def short(identifier: object) -> str:
    """The end of an id: what tells it apart, and what every command takes."""
    return str(identifier).replace("-", "")[-8:]


def state(row: Mapping[str, Any]) -> str:
    """A state as people read it everywhere: the API's word with a capital letter; a canceled launch says so."""
    word = str(row["state"])
    if row.get("cancel_requested") and word in STARTING:
        return "Canceling"
    return word.replace("_", " ").capitalize()


def show_line(answer: object) -> None:
    """One JSON value on one line, at once, for programs that read a stream."""
    write(json_of(answer) + "\n")
