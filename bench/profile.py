"""`./berth bench profile PATH`: where one request's CPU and statements go, part by part."""

import argparse
import asyncio

from bench.parts import HANDLER, REST, Part, Spans, around_handlers, install

REQUESTS, WARM = 60, 8
ORDER = (REST, "session and actor", "rate, origin, permission", "begin", "clock", "policies", "shell", HANDLER)
TITLES = ("part", "calls", "statements", "CPU-ms", "of it SQL", "share")


def main(argv: list[str]) -> int:
    """Prints the table. 1 when the path does not answer 200."""
    parser = argparse.ArgumentParser(
        "berth bench profile",
        description="Where the CPU and the statements of a GET go: the customer has fifty machines of fifty; the CPU "
        "is that of this process, the mean of some requests after a few to warm up. `of it SQL` is what SQLAlchemy, "
        "the driver and the event loop take for the statements of a part.",
    )
    parser.add_argument("path", help="/machines, /api/v1/allocations?limit=50, /admin …")
    parser.add_argument("--as", dest="who", choices=("customer", "operator"), help="by default as the path says")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--statements", action="store_true", help="list the statements of one request, by part")
    asked = parser.parse_args(argv)
    who = asked.who or ("operator" if "/admin" in asked.path else "customer")
    spans = Spans()
    install(spans)
    status, size, texts = asyncio.run(_run(spans, asked.path, "olga" if who == "operator" else "ada", asked.requests))
    print(f"{asked.path} as {who}: {status}, {size:,} bytes, {asked.requests} requests\n")
    print("\n".join(table(spans.parts, asked.requests)))
    if asked.statements:
        print("", *(f"{part:26} {text[:150]}" for part, text in texts), sep="\n")
    if spans.missing:
        print(f"\nnot there any more, and so counted where they are called from: {', '.join(spans.missing)}")
    return 0 if status == 200 else 1


async def _run(spans: Spans, path: str, who: str, count: int) -> tuple[int, int, list[tuple[str, str]]]:
    from bench.stack import stack

    async with stack() as made:
        around_handlers(spans, made.app)
        for _ in range(WARM):
            await made.get(path, who)
        spans.clear()
        spans.begin()
        for _ in range(count):
            spans.texts.clear()
            answer = await made.get(path, who)
        spans.charge()
        return answer.status, len(answer.content), list(spans.texts)


def table(parts: dict[str, Part], count: int) -> list[str]:
    """One line a part, per request, and their sum."""
    whole = sum(part.own + part.sql for part in parts.values())
    names = [name for name in ORDER if name in parts] + [name for name in parts if name not in ORDER]
    lines = ["{:26}{:>8}{:>12}{:>9}{:>11}{:>8}".format(*TITLES)]
    total = Part(own=whole)
    for name in names:
        part = parts[name]
        used = part.own + part.sql
        lines.append(
            f"{name:26}{part.calls / count:8.1f}{part.statements / count:12.1f}{used / count * 1000:9.2f}"
            f"{part.sql / count * 1000:11.2f}{used / whole:8.0%}"
        )
        total.statements += part.statements
        total.sql += part.sql
    lines.append(
        f"{'together':26}{'':8}{total.statements / count:12.1f}{whole / count * 1000:9.2f}"
        f"{total.sql / count * 1000:11.2f}"
    )
    return lines
