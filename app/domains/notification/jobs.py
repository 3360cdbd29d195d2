"""Jobs of notification: send a mail, deliver a webhook, pick up lost jobs, delete old rows."""

from datetime import timedelta

import msgspec

from app.domains.notification.service import deliveries, inbox, mails, maintenance
from app.domains.notification.service.deliveries import DeliveryRef
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.mail import SEND_JOB, MailRef
from app.shared.manifest import CronSpec, JobSpec


async def send_mail(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Make one attempt to send a mail; a failed attempt schedules the next."""
    await mails.send(runtime, msgspec.convert(arguments, MailRef, strict=False).id)


async def deliver_webhook(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Make one attempt to deliver a webhook; a failed attempt schedules the next."""
    await deliveries.deliver(runtime, msgspec.convert(arguments, DeliveryRef, strict=False).id)


async def sweep(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Pick up mails and deliveries whose job was lost."""
    await maintenance.sweep(runtime)


async def prune(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Delete rows that are older than their policy."""
    await maintenance.prune(runtime)


JOBS = (
    JobSpec(name=SEND_JOB, run=send_mail, queue="notifications", timeout=45, retries=2),
    JobSpec(name=deliveries.JOB, run=deliver_webhook, queue="webhooks", timeout=30, retries=2),
    job_of(inbox.NOTIFY_MANY),
)


async def disable_unsponsored_webhooks(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Switch off webhooks without a valid sponsor."""
    await deliveries.disable_unsponsored(runtime)


CRONS = (
    CronSpec(
        name="notification.watch_webhooks",
        bound="webhooks whose sponsor lost the right, one per transaction; reads every enabled webhook",
        run=disable_unsponsored_webhooks,
        queue="notifications",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
    CronSpec(
        name="notification.sweep",
        bound="50 overdue mails and 50 overdue deliveries",
        run=sweep,
        queue="notifications",
        every=timedelta(minutes=1),
        timeout=300,
        retries=0,
    ),
    CronSpec(
        name="notification.prune",
        bound="rows past their age, 1,000 per transaction",
        run=prune,
        queue="maintenance",
        every=timedelta(hours=1),
        timeout=540,
        retries=0,
    ),
)
