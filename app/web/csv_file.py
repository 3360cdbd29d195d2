"""A table as a CSV file that is sent while it is read."""

from collections.abc import AsyncIterator, Sequence

from litestar.response import Stream

from app.shared.csv_text import csv_lines


def csv_file(name: str, head: Sequence[str], batches: AsyncIterator[Sequence[Sequence[str]]]) -> Stream:
    """The answer: a download called `name`, one of our own words, written batch by batch."""

    async def content() -> AsyncIterator[bytes]:
        yield csv_lines([head]).encode()
        async for batch in batches:
            if batch:
                yield csv_lines(batch).encode()

    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Stream(content(), headers=headers, media_type="text/csv")
