"""The jobs of payments: work off a webhook, and the sweeper behind it."""

from datetime import timedelta

import msgspec

from app.domains.payments.contracts import AboutPayment, ProcessEvent, SendRefund
from app.domains.payments.service import outside, refunds, settle, sweep, webhooks
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec


async def process_event(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Work off one message of the webhook inbox."""
    command = msgspec.convert(arguments, ProcessEvent, strict=False)
    async with runtime.context(SYSTEM) as ctx:
        await webhooks.process(ctx, command.id)


async def send_refund(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask Stripe for an approved refund."""
    await refunds.send_refund(runtime, msgspec.convert(arguments, SendRefund, strict=False).id)


async def look_up_refunds(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask Stripe which refunds a payment has."""
    command = msgspec.convert(arguments, AboutPayment, strict=False)
    await outside.look_up_refunds(runtime, command.payment_id)


async def process_waiting(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Work off what came before its payment was settled."""
    command = msgspec.convert(arguments, AboutPayment, strict=False)
    await sweep.process_waiting(runtime, command.payment_id)


async def run_sweep(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Look up payments and refunds whose webhook is overdue."""
    await sweep.sweep(runtime)
    await refunds.sweep_refunds(runtime)


JOBS = (
    JobSpec(name=webhooks.JOB, run=process_event, queue="billing", timeout=30, retries=5),
    JobSpec(name=outside.LOOK_UP, run=look_up_refunds, queue="billing", timeout=60, retries=5),
    JobSpec(name=settle.WAITING, run=process_waiting, queue="billing", timeout=60, retries=5),
    JobSpec(name=refunds.SEND, run=send_refund, queue="billing", timeout=60, retries=5),
)
CRONS = (
    CronSpec(name="payments.sweep", run=run_sweep, queue="billing", every=timedelta(minutes=1), timeout=300, retries=0),
)
