"""The system page: health of dependencies, live processes, versions, and the faults of the simulators.

No page waits for a dependency: a worker checks them and leaves the result in Valkey.
"""

from datetime import datetime
from functools import lru_cache

import msgspec

from app.domains.admin import gateway
from app.domains.admin.contracts import AnnouncementView
from app.domains.admin.repository.announcements import AnnouncementRepository
from app.domains.admin.rules.faults import NAME, read_spec
from app.domains.admin.rules.values import Dependency, Fault
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.buildinfo import BUILD
from app.shared.clock import process_now
from app.shared.context import Context, ContextFactory, Runtime
from app.shared.errors import NotFound, ValidationFailed
from app.shared.numbers import whole_number
from app.shared.records import UnreadSet, list_unread
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_SYSTEM_READ, Permission.PLATFORM_SYSTEM_MANAGE
HEALTH_KEY = "berth:health"
HEALTH_SECONDS = 60
SERVICES = ("worker", "provisioner", "terminal-host", "web")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one check of all dependencies."""

    at: datetime
    dependencies: tuple[Dependency, ...]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A live process of Berth."""

    service: str
    host: str
    pid: str


class SettingAllowed(msgspec.Struct, frozen=True, kw_only=True):
    """An exception from the production checks, as named in `BERTH_ALLOW`, and the settings that use it."""

    name: str
    meaning: str
    settings: tuple[str, ...]


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the installation. `health` is None when no worker has checked the dependencies lately."""

    health: Health | None
    processes: tuple[Process, ...]
    version: str
    commit: str
    python: str
    migration_applied: str
    migration_newest: str
    announcements: tuple[AnnouncementView, ...]
    unread: tuple[UnreadSet, ...] = ()  # external records that could not be read lately
    allowed: tuple[SettingAllowed, ...] = ()  # exceptions in this process


class SetFault(msgspec.Struct, frozen=True, kw_only=True):
    """Switch a fault of a simulator on or off."""

    simulator: str
    name: str
    spec: str = ""
    off: bool = False


class FaultSet(msgspec.Struct, frozen=True, kw_only=True):
    name: str


async def show_system(ctx: Context) -> SystemView:
    """The state of the installation, without the simulators' faults."""
    scope = platform_scope(ctx.actor, READ)
    raw = await ctx.runtime.valkey.get(HEALTH_KEY)
    return SystemView(
        health=msgspec.json.decode(raw, type=Health) if raw else None,
        processes=await _processes(ctx.runtime),
        version=BUILD.version,
        commit=BUILD.commit,
        python=BUILD.python,
        migration_applied=await AnnouncementRepository(ctx.session).find_applied(scope),
        migration_newest=_newest_migration(),
        announcements=tuple(await AnnouncementRepository(ctx.session).list_last(scope)),
        unread=await list_unread(ctx.runtime.valkey),
        allowed=tuple(
            SettingAllowed(name=one.name, meaning=one.meaning, settings=one.settings) for one in ctx.settings.allowed
        ),
    )


async def record_health(runtime: Runtime) -> None:
    """Check all dependencies, and store the results for the page."""
    health = Health(at=process_now(), dependencies=await gateway.check(runtime))
    await runtime.valkey.set(HEALTH_KEY, msgspec.json.encode(health), ex=HEALTH_SECONDS)


async def _processes(runtime: Runtime) -> tuple[Process, ...]:
    processes: list[Process] = []
    for service in SERVICES:
        async for key in runtime.valkey.scan_iter(match=f"berth:{service}:*", count=500):
            host = await runtime.valkey.get(key)
            pid = _text(key).rpartition(":")[2]
            if host is not None and whole_number(pid) is not None:
                processes.append(Process(service=service, host=_text(host), pid=pid))
    return tuple(sorted(processes, key=lambda process: (process.service, process.host, process.pid)))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


@lru_cache(maxsize=1)
def _newest_migration() -> str:
    from alembic.script import ScriptDirectory  # of no use to any other page

    from app.shared.db.migrate import alembic_config

    return ScriptDirectory.from_config(alembic_config("postgresql://unused")).get_current_head() or "none"


@use_case(MANAGE, AuditAction.FAULT_SET, lambda command, _result: f"{command.simulator}/{command.name}")
async def record_fault(ctx: Context, command: SetFault) -> FaultSet:
    """Audit the switch of a fault. Raises NotFound for an unknown simulator, ValidationFailed."""
    if command.simulator not in gateway.simulators(ctx.settings):
        raise NotFound()
    if not NAME.fullmatch(command.name):
        raise ValidationFailed(fields={"name": "Use lowercase letters, digits and _."})
    if not command.off and read_spec(command.spec) is None:
        raise ValidationFailed(fields={"spec": 'Write a JSON object, for example {"count": 3}.'})
    return FaultSet(name=command.name)


async def set_fault(contexts: ContextFactory, command: SetFault) -> None:
    """Switch a fault. Raises ValidationFailed when the simulator refuses."""
    async with contexts() as ctx:
        await record_fault(ctx, command)
        runtime = ctx.runtime
    spec = None if command.off else read_spec(command.spec)
    if not await gateway.set_fault(runtime, command.simulator, command.name, spec):
        raise ValidationFailed(fields={"spec": "The simulator refused it."})


async def list_faults(contexts: ContextFactory) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """The faults that are on, and the names of the simulators."""
    async with contexts() as ctx:
        platform_scope(ctx.actor, READ)
        runtime = ctx.runtime
    return await gateway.list_faults(runtime), tuple(gateway.simulators(runtime.settings))
