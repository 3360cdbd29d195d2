"""The jobs of payments: process webhooks, send refunds, and the sweeper that finds what was lost."""

from datetime import timedelta

import msgspec

from app.domains.payments.service import process, refunds, settle, stripe_refunds, sweep, webhooks
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec


async def process_event(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Process one message of the webhook inbox."""
    command = msgspec.convert(arguments, webhooks.ProcessEvent, strict=False)
    async with runtime.context(SYSTEM) as ctx:
        await process.process(ctx, command.id)


async def send_refund(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask Stripe for an approved refund."""
    await refunds.send_refund(runtime, msgspec.convert(arguments, refunds.SendRefund, strict=False).id)


async def look_up_refunds(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask Stripe which refunds a payment has."""
    command = msgspec.convert(arguments, settle.AboutPayment, strict=False)
    await stripe_refunds.look_up_refunds(runtime, command.payment_id)


async def process_deferred(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Process the messages that came before their payment was settled."""
    command = msgspec.convert(arguments, settle.AboutPayment, strict=False)
    await sweep.process_deferred(runtime, command.payment_id)


async def run_sweep(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Look up payments and refunds whose webhook is overdue."""
    await sweep.sweep(runtime)
    await refunds.sweep_refunds(runtime)


JOBS = (
    JobSpec(name=webhooks.PROCESS_JOB, run=process_event, queue="billing", timeout=30, retries=5),
    JobSpec(name=stripe_refunds.LOOK_UP_JOB, run=look_up_refunds, queue="billing", timeout=60, retries=5),
    JobSpec(name=settle.DEFERRED_JOB, run=process_deferred, queue="billing", timeout=60, retries=5),
    JobSpec(name=refunds.SEND_JOB, run=send_refund, queue="billing", timeout=60, retries=5),
)
CRONS = (
    CronSpec(
        name="payments.sweep",
        bound="50 overdue payments, 50 overdue refunds, forgotten messages one per transaction",
        run=run_sweep,
        queue="billing",
        every=timedelta(minutes=1),
        timeout=300,
        retries=0,
    ),
)
