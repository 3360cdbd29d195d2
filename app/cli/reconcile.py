"""`berth reconcile`: our books beside MAAS and Stripe, and the ledger recomputed. Lists differences; applies none."""

import argparse
import asyncio
import os
from itertools import chain

import msgspec

from app.cli.environment import adopt_running_stack
from app.shared.difference import Difference


def main(argv: list[str]) -> int:
    """Exit code 0 when all agree, 1 when something differs or somebody did not answer."""
    parser = argparse.ArgumentParser("berth reconcile", description="Compare with MAAS and Stripe; change nothing.")
    parser.add_argument("--days", type=int, default=35, help="how far back payments are compared (35)")
    parser.add_argument("--json", action="store_true", help="the differences as one JSON document")
    asked = parser.parse_args(argv)
    adopt_running_stack()
    return asyncio.run(_reconcile(asked.days, as_json=asked.json))


async def _reconcile(days: int, *, as_json: bool) -> int:
    from app.asgi import build_runtime
    from app.domains.billing.public import render_verify_report, verify_ledger
    from app.domains.maas import public as maas
    from app.domains.payments import gateway as stripe
    from app.domains.payments.service.compare import compare_payments
    from app.domains.provisioning.service.compare import compare_machines
    from app.settings import load_settings
    from app.shared.authz.actor import SYSTEM
    from app.shared.service_checks import confirm

    settings = load_settings(os.environ)
    await confirm(settings)
    runtime = build_runtime(settings)
    try:
        async with runtime.context(SYSTEM) as ctx:
            report = await verify_ledger(ctx)
        machines = await compare_machines(runtime, maas.gateway_of(runtime))
        payments = await compare_payments(runtime, stripe.gateway_of(runtime), days)
        found = list(chain(machines, payments))
    finally:
        await runtime.close()
    if as_json:
        print(msgspec.json.encode({"ledger_ok": report.ok, "differences": found}).decode())
    else:
        print(render_verify_report(report))
        print("\n".join(map(_line, found)) or "MAAS and Stripe agree with the database.")
    return 0 if report.ok and not found else 1


def _line(found: Difference) -> str:
    return f"{found.where}: {found.subject}\n  here:  {found.ours}\n  there: {found.theirs}\n  {found.advice}"
