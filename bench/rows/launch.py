"""F4: a launch (hold, row, outbox in one transaction) and its dry run."""

import itertools
import json
import secrets
from functools import partial

import psycopg
from msgspec.structs import force_setattr

from app.shared.rdb.rate_limit import LIMITS
from bench.figure import Figure, cpu_ms, interleaved, latencies, quantile
from bench.stack import Answer, Stack, allow, request, stack

TIMES = 12
TABLES = """
    CREATE TABLE public.bare_accounts (id int PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE public.bare_rows (id uuid PRIMARY KEY DEFAULT uuidv7(), body jsonb);
    CREATE TABLE public.bare_outbox (id uuid PRIMARY KEY DEFAULT uuidv7(), body jsonb);
    INSERT INTO public.bare_accounts VALUES (1, 1000000000000);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO berth_app;
"""
FLOOR = (
    b"UPDATE public.bare_accounts SET balance = balance - 1000 WHERE id = 1 AND balance >= 1000",
    b'INSERT INTO public.bare_rows (body) VALUES (\'{"sku": "h100x8", "name": "launch"}\')',
    b'INSERT INTO public.bare_outbox (body) VALUES (\'{"sku": "h100x8", "name": "launch"}\')',
)


async def measure() -> list[Figure]:
    for limit in LIMITS.values():
        force_setattr(limit, "count", limit.count * 100_000)
    async with stack(machines=4) as made, await psycopg.AsyncConnection.connect(made.urls.app) as connection:
        await allow(made, max_allocations=10_000, max_gpus=100_000)
        with psycopg.connect(made.urls.superuser) as owner:
            owner.execute(TABLES)
        numbers = itertools.count()
        launch = partial(_post, made, numbers, False)
        dry = partial(_post, made, numbers, True)

        async def floor() -> None:
            for statement in FLOOR:
                await connection.execute(statement)
            await connection.commit()

        works = (launch, dry, floor)
        for work in works:
            for _ in range(4):
                await work()
        launched, tried, bare = await interleaved(*(partial(cpu_ms, work, TIMES) for work in works))
        waited = quantile(await latencies(launch, 30), 0.5)
    name = "three statements and a commit"
    return [
        Figure(row="F4", what="launch", ours=launched, unit="CPU-ms", reference=bare, reference_name=name,
               target="<= 12 CPU-ms", limit=12, absolute=True),
        Figure(row="F4", what="launch, p50", ours=waited, unit="ms", target="<= 10 ms", limit=10),
        Figure(row="F4", what="dry run of a launch", ours=tried, unit="CPU-ms", reference=bare, reference_name=name,
               target="<= 6 CPU-ms", limit=6, absolute=True),
    ]  # fmt: skip


async def _post(made: Stack, numbers: "itertools.count[int]", dry: bool) -> Answer:
    ada = made.people["ada"]
    body = {"sku": "h100x8", "gpus": 1, "name": f"launch-{next(numbers)}", "dry_run": dry}
    headers = {
        "cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.client.cookies.jar),
        "content-type": "application/json", "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf,
        "x-idempotency-key": secrets.token_hex(8),
    }  # fmt: skip
    content = json.dumps(body).encode()
    headers["content-length"] = str(len(content))
    answer = await request(made.app, "POST", "/api/v1/allocations", headers, content)
    assert answer.status in (200, 201), answer
    return answer
