"""`berth ledger verify`: asks billing to recompute every account from its entries. Changes nothing."""

import argparse
import asyncio
import os

import msgspec

from app.cli.environment import adopt_running_stack


def main(argv: list[str]) -> int:
    """Exit code 0 when every balance and every transaction adds up, 1 when not; says which."""
    parser = argparse.ArgumentParser("berth ledger", description="Questions to the ledger.")
    parser.add_argument("question", choices=["verify"])
    parser.add_argument("--json", action="store_true", help="the report as one JSON document")
    asked = parser.parse_args(argv)
    adopt_running_stack()
    return asyncio.run(_verify(as_json=asked.json))


async def _verify(*, as_json: bool) -> int:
    from app.asgi import build_runtime
    from app.domains.billing.public import render_verify_report, verify_ledger
    from app.settings import load_settings
    from app.shared.authz.actor import SYSTEM
    from app.shared.service_checks import confirm

    settings = load_settings(os.environ)
    await confirm(settings)
    runtime = build_runtime(settings)
    try:
        async with runtime.context(SYSTEM) as ctx:
            report = await verify_ledger(ctx)
    finally:
        await runtime.close()
    print(msgspec.json.encode(report).decode() if as_json else render_verify_report(report))
    return 0 if report.ok else 1
