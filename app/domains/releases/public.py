"""What other domains may ask about access to machines."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.releases.contracts import DeliverKeys, EndCertificates
from app.domains.releases.errors import NodeRefused, NodeUnreachable
from app.domains.releases.repository import CertificateRepository
from app.domains.releases.rules import user_principal
from app.domains.releases.rules.public_keys import shown_kind
from app.domains.releases.service.attachments import (
    attach_keys,
    attach_own_key,
    detach_key,
    end_access,
    list_attachments,
    machine_ready,
    too_many_keys,
    unknown_keys,
)
from app.domains.releases.service.certificates import (
    certify_key,
    host_identity,
    known_hosts,
    login_target,
    management_target,
)
from app.domains.releases.service.changes import CERTIFICATES_JOB, KEYS_JOB
from app.domains.releases.service.delivery import Delivery, FindMachine
from app.domains.releases.service.keys import list_keys
from app.domains.releases.service.machines import close_account, list_gpus, open_account, prove_login
from app.shared.context import Context, Runtime
from app.shared.manifest import CronSpec, JobSpec

__all__ = [
    "NodeRefused",
    "NodeUnreachable",
    "attach_keys",
    "attach_own_key",
    "certify_key",
    "close_account",
    "delivery_crons",
    "delivery_jobs",
    "detach_key",
    "end_access",
    "has_entered",
    "host_identity",
    "known_hosts",
    "list_attachments",
    "list_gpus",
    "list_keys",
    "login_target",
    "machine_ready",
    "management_target",
    "open_account",
    "prove_login",
    "shown_kind",
    "too_many_keys",
    "unknown_keys",
    "user_principal",
]


async def has_entered(ctx: Context, allocation_ids: Iterable[UUID]) -> bool:
    """Whether anybody was ever given a way into one of these machines; the caller has checked whose they are."""
    return await CertificateRepository(ctx.session).has_entered(list(allocation_ids))


def delivery_jobs(find: FindMachine) -> tuple[JobSpec, ...]:
    """The jobs that bring keys and the ends of certificates to machines. Provisioning, which knows where a machine is,
    hands over how to find one and lists them among its own: so it calls this domain, and never the other way round."""

    async def deliver_keys(runtime: Runtime, arguments: dict[str, object]) -> None:
        command = msgspec.convert(arguments, DeliverKeys, strict=False)
        await Delivery(runtime, find).deliver_keys(command.allocation_id)

    async def end_certificates(runtime: Runtime, arguments: dict[str, object]) -> None:
        await Delivery(runtime, find).end_certificates(msgspec.convert(arguments, EndCertificates, strict=False))

    return (
        JobSpec(name=KEYS_JOB, run=deliver_keys, queue="maintenance", timeout=120, retries=3),
        JobSpec(name=CERTIFICATES_JOB, run=end_certificates, queue="maintenance", timeout=300, retries=3),
    )


def delivery_crons(find: FindMachine) -> tuple[CronSpec, ...]:
    """The watch behind those jobs: what got lost is asked for again, and machines are asked when keys were used."""

    async def watch_machines(runtime: Runtime, arguments: dict[str, object]) -> None:
        delivery = Delivery(runtime, find)
        await delivery.sweep()
        await delivery.read_uses()

    return (
        CronSpec(
            name="provisioning.watch_access",
            bound="200 overdue requests of each kind; 500 machines are asked, one after the other",
            run=watch_machines,
            queue="maintenance",
            every=timedelta(seconds=60),
            timeout=300,
            retries=0,
        ),
    )
