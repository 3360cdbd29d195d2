"""E1, E2 and the pages of section "pages": CPU of a request beside a bare Litestar page of the same fifty rows."""

from functools import partial
from typing import Any

from bench.figure import Figure, Work, cpu_ms, interleaved
from bench.floors.litestar import bare_pages
from bench.stack import Stack, request, stack

TIMES = 10
LIST, PAGE = "/api/v1/allocations?limit=50", "/machines"
WIDER = {"overview": "/", "usage": "/billing/usage", "launch page": "/launch?sku=h100x8"}


async def measure() -> list[Figure]:
    async with stack() as made, bare_pages(made.urls.app) as bare:
        page, rows, again, list_again = (
            partial(made.get, PAGE), partial(made.get, LIST), await _conditional(made, PAGE),
            await _conditional(made, LIST),
        )  # fmt: skip
        bare_page, bare_list = partial(_bare, bare, "/page"), partial(_bare, bare, "/list")
        wider = {name: partial(made.get, path) for name, path in WIDER.items()}
        works: list[Work] = [page, rows, again, list_again, bare_page, bare_list, *wider.values()]
        for work in works:
            for _ in range(6):
                await work()
        found = await interleaved(*(partial(cpu_ms, work, TIMES) for work in works))
    ours, listed, unchanged, list_unchanged, floor, list_floor = found[:6]
    name = "bare Litestar"
    figures = [
        Figure(row="E1", what="page of 50 machines", ours=ours, unit="CPU-ms", reference=floor, reference_name=name,
               target="<= 1.2x", limit=1.2),
        Figure(row="E1", what="the same page, unchanged (If-None-Match)", ours=unchanged, unit="CPU-ms",
               reference=floor, reference_name=name, target="<= 0.25x", limit=0.25),
        Figure(row="E2", what="API list of 50", ours=listed, unit="CPU-ms", reference=list_floor,
               reference_name=name, target="<= 3 CPU-ms (0.33x dstack's 7-10)", limit=3, absolute=True),
        Figure(row="E2", what="the same list, unchanged (304)", ours=list_unchanged, unit="CPU-ms",
               reference=list_floor, reference_name=name, target="<= 0.6 CPU-ms", limit=0.6, absolute=True),
    ]  # fmt: skip
    figures += [
        Figure(row="E1", what=what, ours=value, unit="CPU-ms", reference=floor, reference_name=name,
               target="<= 2x", limit=2)
        for what, value in zip(wider, found[6:], strict=True)
    ]  # fmt: skip
    return figures


async def _conditional(made: Stack, path: str) -> Work:
    """The same again by who has it already; without an ETag it is a whole answer."""
    await made.get(path)
    tag = (await made.get(path)).headers.get("etag")
    return partial(made.get, path, **({"if-none-match": tag} if tag else {}))


async def _bare(app: Any, path: str) -> object:
    return await request(app, "GET", path, {})
