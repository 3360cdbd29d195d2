"""The jobs of notification: send a mail, deliver a webhook, and the sweeper behind a job that was lost."""

from datetime import timedelta

import msgspec

from app.domains.notification.contracts import DeliveryRef
from app.domains.notification.service import deliveries, inbox, mails, upkeep
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.mail import SEND_JOB, MailRef
from app.shared.manifest import CronSpec, JobSpec


async def send_mail(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Try to send one mail; it asks for its next try itself."""
    await mails.send(runtime, msgspec.convert(arguments, MailRef, strict=False).id)


async def deliver_webhook(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Make one attempt; it asks for its next try itself."""
    await deliveries.deliver(runtime, msgspec.convert(arguments, DeliveryRef, strict=False).id)


async def sweep(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Send what is overdue."""
    await upkeep.sweep(runtime)


async def prune(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Forget what is old."""
    await upkeep.prune(runtime)


JOBS = (
    JobSpec(name=SEND_JOB, run=send_mail, queue="notifications", timeout=45, retries=2),
    JobSpec(name=deliveries.JOB, run=deliver_webhook, queue="webhooks", timeout=30, retries=2),
    job_of(inbox.NOTE_MANY),
)


async def watch_webhooks(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Webhooks end with the right of who answers for them."""
    await deliveries.withdraw(runtime)


CRONS = (
    CronSpec(
        name="notification.watch_webhooks",
        run=watch_webhooks,
        queue="notifications",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
    CronSpec(
        name="notification.sweep",
        run=sweep,
        queue="notifications",
        every=timedelta(minutes=1),
        timeout=300,
        retries=0,
    ),
    CronSpec(
        name="notification.prune", run=prune, queue="maintenance", every=timedelta(hours=1), timeout=540, retries=0
    ),
)
