"""The system page: what a worker saw of our dependencies, who lives, what runs where; and announcements.

Nothing here waits for a dependency: a worker asks them and leaves the answer in Valkey.
"""

from datetime import timedelta
from functools import lru_cache

import msgspec
from alembic.script import ScriptDirectory

from app.domains.admin import gateway
from app.domains.admin.contracts.operations import (
    Announce,
    AnnouncementView,
    Fault,
    Health,
    Process,
    SettingAllowed,
    SystemView,
    Withdraw,
)
from app.domains.admin.repository.announcements import AnnouncementRepository
from app.domains.admin.rules.faults import NAME, read_spec
from app.domains.admin.service.board import Board
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.buildinfo import BUILD
from app.shared.clock import process_now
from app.shared.context import Context, ContextFactory, Runtime
from app.shared.db.migrate import alembic_config
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.numbers import whole_number
from app.shared.records import list_unread
from app.shared.text import checked_text
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_SYSTEM_READ, Permission.PLATFORM_SYSTEM_MANAGE
HEALTH_KEY = "berth:health"
HEALTH_SECONDS = 60
SERVICES = ("worker", "provisioner", "web")
LONGEST_TEXT = 500
DAY = timedelta(days=1)
FURTHEST = timedelta(days=366)


async def show_system(ctx: Context) -> SystemView:
    """Everything the page shows but the faults."""
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


async def keep_health(runtime: Runtime) -> None:
    """Ask every dependency, and leave the answers for the page."""
    health = Health(at=process_now(), dependencies=await gateway.look(runtime))
    await runtime.valkey.set(HEALTH_KEY, msgspec.json.encode(health), ex=HEALTH_SECONDS)


async def _processes(runtime: Runtime) -> tuple[Process, ...]:
    found: list[Process] = []
    for service in SERVICES:
        async for key in runtime.valkey.scan_iter(match=f"berth:{service}:*", count=500):
            host = await runtime.valkey.get(key)
            pid = _text(key).rpartition(":")[2]
            if host is not None and whole_number(pid) is not None:
                found.append(Process(service=service, host=_text(host), pid=pid))
    return tuple(sorted(found, key=lambda process: (process.service, process.host, process.pid)))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


@lru_cache(maxsize=1)
def _newest_migration() -> str:
    return ScriptDirectory.from_config(alembic_config("postgresql://unused")).get_current_head() or "none"


@use_case(MANAGE, AuditAction.ANNOUNCEMENT_CREATE, lambda _, result: result and result.id)
async def announce(ctx: Context, command: Announce) -> AnnouncementView:
    """Put a message on every page. Raises ValidationFailed."""
    now = await ctx.now()
    from_at, to_at = now if command.from_at is None else command.from_at, command.to_at
    with Faults() as faults:
        with faults.gathered():
            checked_text(
                command.text, "text", max_length=LONGEST_TEXT, wanted=f"Say it in 3 to {LONGEST_TEXT} characters."
            )
        for name, at in (("from_at", from_at), ("to_at", now if to_at is None else to_at)):
            near = at.tzinfo is not None and abs(at - now) <= FURTHEST
            faults.unless(near, name, "Write a time with its zone, at most a year away.")
    to_at = from_at + DAY if to_at is None else to_at
    if to_at <= max(from_at, now):
        raise ValidationFailed(fields={"to_at": "It has to end after its beginning, and not in the past."})
    view = AnnouncementView(
        id=new_id(),
        text=command.text,
        level=command.level,
        audience=command.audience,
        from_at=from_at,
        to_at=to_at,
        created_by=ctx.actor.id,
        created_at=now,
        withdrawn_at=None,
    )
    await AnnouncementRepository(ctx.session).append(view)
    ctx.explain(level=command.level, audience=command.audience)
    ctx.runtime.part(Board).forget()
    return view


@use_case(MANAGE, AuditAction.ANNOUNCEMENT_WITHDRAW, lambda command, _result: command.announcement_id)
async def withdraw(ctx: Context, command: Withdraw) -> AnnouncementView:
    """Take a message away. Raises NotFound."""
    scope = platform_scope(ctx.actor, MANAGE)
    if await AnnouncementRepository(ctx.session).find(scope, command.announcement_id) is None:
        raise NotFound()
    await AnnouncementRepository(ctx.session).withdraw(command.announcement_id, await ctx.now())
    ctx.runtime.part(Board).forget()
    found = await AnnouncementRepository(ctx.session).find(scope, command.announcement_id)
    if found is None:
        raise NotFound()
    return found


class SetFault(msgspec.Struct, frozen=True, kw_only=True):
    """Switch a fault of a development simulator on, or off."""

    simulator: str
    name: str
    spec: str = ""
    off: bool = False


class FaultSet(msgspec.Struct, frozen=True, kw_only=True):
    name: str


@use_case(MANAGE, AuditAction.FAULT_SET, lambda command, _result: f"{command.simulator}/{command.name}")
async def record_fault(ctx: Context, command: SetFault) -> FaultSet:
    """Write down who switches what. Raises NotFound where there are no simulators, ValidationFailed."""
    if command.simulator not in gateway.simulators(ctx.settings):
        raise NotFound()
    if not NAME.fullmatch(command.name):
        raise ValidationFailed(fields={"name": "Small letters, digits and _."})
    if not command.off and read_spec(command.spec) is None:
        raise ValidationFailed(fields={"spec": 'Write a JSON object, for example {"count": 3}.'})
    return FaultSet(name=command.name)


async def set_fault(contexts: ContextFactory, command: SetFault) -> None:
    """Switch it. Raises ValidationFailed when the simulator does not take it."""
    async with contexts() as ctx:
        await record_fault(ctx, command)
        settings = ctx.settings
    spec = None if command.off else read_spec(command.spec)
    if not await gateway.set_fault(settings, command.simulator, command.name, spec):
        raise ValidationFailed(fields={"spec": "The simulator did not take it."})


async def list_faults(contexts: ContextFactory) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """The faults that are on, and the simulators there are."""
    async with contexts() as ctx:
        platform_scope(ctx.actor, READ)
        settings = ctx.settings
    return await gateway.list_faults(settings), tuple(gateway.simulators(settings))
