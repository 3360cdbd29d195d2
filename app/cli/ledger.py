"""`berth ledger verify`: asks billing to recompute every account from its entries. Changes nothing."""

import argparse
import asyncio
import inspect
from importlib import import_module

from app.cli.environment import adopt_running_stack


def main(words: list[str]) -> int:
    """Exit code 0 when every balance and every transaction adds up, 1 when not; says which."""
    parser = argparse.ArgumentParser("berth ledger", description="Questions to the ledger.")
    parser.add_argument("question", choices=["verify"])
    parser.parse_args(words)
    adopt_running_stack()
    # Billing answers through its door: a function of no arguments that prints and returns an exit code.
    answer = import_module("app.domains.billing.public").verify_ledger_cli()
    if inspect.iscoroutine(answer):
        answer = asyncio.run(answer)
    return int(answer or 0)
