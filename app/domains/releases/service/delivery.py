"""How keys and the ends of certificates reach machines: outside of any transaction, and again until it worked.

Keys are brought as the whole list, so that a repeated or late delivery can do no harm; a list that changed meanwhile is
brought again, so the newest always wins. A login may be shared by everybody of a project, so a connection is known by
the serial of its certificate, which sshd logs; the serial stands in a list that sshd asks at each login (KRL,
`RevokedKeys`). A machine that keeps no such list is asked again until the certificates have run out.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.domains.provisioning.contracts import AccessTarget
from app.domains.releases.contracts import EndCertificates, MachineState
from app.domains.releases.errors import NodeRefused, NodeUnreachable
from app.domains.releases.repository import AttachmentRepository, CertificateRepository
from app.domains.releases.service import attachments
from app.domains.releases.service.changes import ask_certificates, ask_keys
from app.domains.releases.service.machines import node_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime

ROUNDS = 5  # a list that changes faster than it can be brought is left to the next job
PAUSES = (1, 2, 4, 8, 15, 30, 60)  # seconds between tries; the last one repeats
LATE = timedelta(seconds=PAUSES[-1] * 2)  # by then nobody works on it any more
AGAIN = timedelta(seconds=10)  # while a certificate could still open a new connection
SKEW = timedelta(seconds=60)  # a machine's clock may be behind ours

FindMachine = Callable[[Context, UUID], Awaitable[MachineState]]
log = structlog.get_logger("berth.releases")


class Delivery:
    """Bound to one process's runtime; `find` says where the machine of an allocation is."""

    def __init__(self, runtime: Runtime, find: FindMachine) -> None:
        self._runtime = runtime
        self._find = find

    async def deliver_keys(self, allocation_id: UUID) -> None:
        """Bring the wanted keys to the machine; a failure is shown on its page and tried again after a pause."""
        for _ in range(ROUNDS):
            async with self._runtime.context(SYSTEM) as ctx:
                machine = await self._running(ctx, allocation_id)
                if machine is None:
                    return
                node = await node_of(ctx, machine)
                wanted = await AttachmentRepository(ctx.session).list_wanted(allocation_id)
            keys = {key.key_id: key.public_key for key in wanted}
            try:
                await node.set_keys(machine.login, keys)
            except (NodeUnreachable, NodeRefused) as error:
                await self._keys_failed(machine, error.message)
                return
            async with self._runtime.context(SYSTEM) as ctx:
                if await attachments.settle(ctx, machine, list(keys)):
                    return
        async with self._runtime.context(SYSTEM) as ctx:
            await ask_keys(ctx, allocation_id)

    async def end_certificates(self, command: EndCertificates) -> None:
        """Let the machine refuse every certificate that has ended, and end what those opened. Safe to repeat."""
        async with self._runtime.context(SYSTEM) as ctx:
            certificates = await CertificateRepository(ctx.session).list_ending(command.allocation_id)
            machine = await self._running(ctx, command.allocation_id) if certificates else None
            if machine is None:
                return
            node = await node_of(ctx, machine)
        serials = [certificate.serial for certificate in certificates]
        try:
            refuses = await node.end_certificates(machine.login, serials)
        except (NodeUnreachable, NodeRefused) as error:
            await self._ending_failed(command, error.message)
            return
        async with self._runtime.context(SYSTEM) as ctx:
            now = await ctx.now()
            done = [one.serial for one in certificates if refuses or one.valid_to + SKEW <= now]
            await CertificateRepository(ctx.session).note_refused(command.allocation_id, done, now)
            if len(done) < len(serials):
                await ask_certificates(ctx, EndCertificates(allocation_id=command.allocation_id), now + AGAIN)

    async def sweep(self) -> int:
        """Ask again for what nobody works on any more. Returns for how many machines."""
        async with self._runtime.context(SYSTEM) as ctx:
            before = await ctx.now() - LATE
            keys = await AttachmentRepository(ctx.session).list_open(before)
            certificates = await CertificateRepository(ctx.session).list_late(before)
            for allocation_id in keys:
                await ask_keys(ctx, allocation_id)
            for allocation_id in certificates:
                await ask_certificates(ctx, EndCertificates(allocation_id=allocation_id))
        return len({*keys, *certificates})

    async def read_uses(self) -> None:
        """Ask each machine that a key opens when it was last used. One that does not answer is asked at the next
        turn."""
        async with self._runtime.context(SYSTEM) as ctx:
            attached = await AttachmentRepository(ctx.session).list_attached()
        for allocation_id in attached:
            async with self._runtime.context(SYSTEM) as ctx:
                machine = await self._running(ctx, allocation_id)
                if machine is None:
                    continue
                node = await node_of(ctx, machine)
            try:
                used = await node.keys_used(machine.login)
            except (NodeUnreachable, NodeRefused):
                continue
            if not used:
                continue
            async with self._runtime.context(SYSTEM) as ctx:
                latest = await ctx.now()
                uses = {use.fingerprint: min(_instant(use.at, latest), latest) for use in used}
                await attachments.note_uses(ctx, allocation_id, uses)

    async def _running(self, ctx: Context, allocation_id: UUID) -> AccessTarget | None:
        """The machine, or None: before it runs and once it is given back others see to who may enter it."""
        found = await self._find(ctx, allocation_id)
        if found.ended:
            await attachments.end_access(ctx, allocation_id)
        return found.target

    async def _keys_failed(self, machine: AccessTarget, reason: str) -> None:
        async with self._runtime.context(SYSTEM) as ctx:
            tries = await attachments.note_failure(ctx, machine, reason)
            if tries:
                await ask_keys(ctx, machine.allocation_id, await ctx.now() + pause_after(tries - 1))

    async def _ending_failed(self, command: EndCertificates, reason: str) -> None:
        log.warning("certificates could not be ended", allocation_id=str(command.allocation_id), reason=reason)
        async with self._runtime.context(SYSTEM) as ctx:
            again = EndCertificates(allocation_id=command.allocation_id, tries=command.tries + 1)
            await ask_certificates(ctx, again, await ctx.now() + pause_after(command.tries))


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries before this one."""
    return timedelta(seconds=PAUSES[min(tries, len(PAUSES) - 1)])


def _instant(seconds: int, latest: datetime) -> datetime:
    """The second of the machine's clock; one that cannot be is now."""
    if not 0 < seconds < 253_402_300_800:
        return latest
    return datetime.fromtimestamp(seconds, latest.tzinfo)
