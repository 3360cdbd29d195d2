"""A table as a CSV file that is sent while it is read (RFC 4180). A text that a spreadsheet would run as a formula is
quoted with an apostrophe; figures are written by us and stay figures."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from litestar.response import Stream

RISKY = ("=", "+", "-", "@", "\t", "\r")
MICRO_DIGITS = 6


def cell(text: str) -> str:
    """A text that is no formula, whatever a person named their machine."""
    return "'" + text if text.startswith(RISKY) else text


def decimal(micro: int) -> str:
    """Micro-units as a plain decimal figure, exact: `-12.345600`."""
    whole, rest = divmod(abs(micro), 10**MICRO_DIGITS)
    return f"{'-' if micro < 0 else ''}{whole}.{rest:0{MICRO_DIGITS}d}"


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as they stand in the file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def csv_file(name: str, head: Sequence[str], batches: AsyncIterator[Sequence[Sequence[str]]]) -> Stream:
    """The answer: a download called `name`, written batch by batch."""

    async def content() -> AsyncIterator[bytes]:
        yield lines([head])
        async for batch in batches:
            if batch:
                yield lines(batch)

    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Stream(content(), headers=headers, media_type="text/csv")
