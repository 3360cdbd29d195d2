"""Switching machines through MAAS: the intent is written and committed, MAAS is asked, the result is written.

Only machines of our pool that are ours or nobody's (decision 0014). While somebody holds a machine it is switched only
by whoever types its name. MAAS has laws of its own: it powers on only what it has given out.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.inventory.errors import NodeInUse, NodeNotOurs
from app.domains.inventory.events import NodePowered
from app.domains.inventory.repository.nodes import NodeRepository
from app.domains.inventory.repository.power import PowerAction, PowerOutcome, PowerRepository
from app.domains.inventory.repository.slots import SlotRepository
from app.domains.inventory.service.history import note
from app.domains.inventory.service.nodes import get_node, lock, observe_node, reason_of
from app.domains.maas.contracts import MaasMachine, SystemId
from app.domains.maas.public import (
    MaasError,
    MaasGateway,
    MaasOutcomeUnknown,
    MaasUnavailable,
    gateway_of,
    may_touch,
    node_state,
)
from app.settings import MaasSettings
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.context import Context, ContextFactory
from app.shared.errors import IdempotencyInProgress
from app.shared.idempotency import Refused
from app.shared.use_case import Unprivileged, find_answer, use_case


class PowerNode(msgspec.Struct, frozen=True, kw_only=True):
    """Switch a machine. While it is in use, `confirm_name` must be its host name."""

    node_id: UUID
    action: PowerAction
    reason: str = ""
    confirm_name: str | None = None


class PowerAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The intent that was written down."""

    request_id: UUID
    system_id: str
    hostname: str


class PowerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; `power_state` as MAAS reported it last."""

    node_id: UUID
    action: PowerAction
    outcome: PowerOutcome
    power_state: str
    maas_state: str
    response: str = msgspec.field(name="said")


AT_WORK = timedelta(minutes=2)  # longer than MAAS may take for all that one request asks of it
COMMENT = "berth: asked by an operator"
ALLOWED = Unprivileged("what came of a request that was allowed")
RESULT, REFUSAL = "result", "refusal"  # the parts of a request under which what MAAS made of it is stored


@dataclass(frozen=True)
class Switched:
    """A request that MAAS has carried out, and the machine as it stood then."""

    command: PowerNode
    request_id: UUID
    machine: MaasMachine


@dataclass(frozen=True)
class NotSwitched:
    """A request that MAAS has refused, or has not answered."""

    command: PowerNode
    request_id: UUID
    error: MaasError | NodeNotOurs


@use_case(Permission.PLATFORM_NODE_MANAGE, AuditAction.NODE_POWER, lambda command, _result: command.node_id)
async def ask_power(ctx: Context, command: PowerNode) -> PowerAsked:
    """The operator's right and reason, and the intent. Raises NotFound, ValidationFailed, NodeInUse."""
    reason = "" if command.action == "query" else reason_of(command.reason)
    ctx.explain(action=command.action, reason=reason)
    node = await lock(ctx, command.node_id)
    detail = await get_node(ctx, node.id)
    held = any(
        slot.allocation_id is not None for slot in (await SlotRepository(ctx.session).list_slots([node.id]))[node.id]
    )
    forced = held and command.action != "query"
    if forced and (command.confirm_name is None or command.confirm_name.strip() != detail.hostname):
        raise NodeInUse(f"Somebody is on this node. Type {detail.hostname} to switch it all the same.")
    now = await ctx.now()
    request_id = await PowerRepository(ctx.session).append_request(
        node.id, command.action, reason, forced=forced, actor=ctx.actor, now=now
    )
    return PowerAsked(request_id=request_id, system_id=detail.system_id, hostname=detail.hostname)


async def switch(contexts: ContextFactory, command: PowerNode) -> PowerResult:
    """Do it, once for each request. Raises Forbidden, NotFound, NodeInUse, NodeNotOurs, MaasError, for a repeat the
    same again; what came of it is on record in any case."""
    async with contexts() as ctx:
        settings, gateway = ctx.settings.maas, gateway_of(ctx.runtime)
        asked = await ask_power(ctx, command)
        done, refusal = await find_answer(ctx, _done, RESULT), await find_answer(ctx, _not_done, REFUSAL)
        outcome, asked_at = await PowerRepository(ctx.session).get_outcome(asked.request_id)
        node, waited = await get_node(ctx, command.node_id), await ctx.now() - asked_at
    if done is not None:  # the same request again: a machine is not switched twice for it
        return done
    if refusal is not None:
        raise refusal.error()
    if outcome is not None:
        return PowerResult(
            node_id=command.node_id, action=command.action, outcome=outcome, power_state=node.power_state,
            maas_state=node.maas_state, response=node.maas_message,
        )  # fmt: skip
    if timedelta(0) < waited < AT_WORK:  # a twin is at it; who comes later finds its answer, or that it has died
        raise IdempotencyInProgress(retry_after=2)
    try:
        machine = await _switch(gateway, settings, SystemId(asked.system_id), command.action)
    except (MaasError, NodeNotOurs) as error:
        async with contexts() as ctx:
            await _not_done(ctx, NotSwitched(command, asked.request_id, error), part=REFUSAL)
        raise
    async with contexts() as ctx:
        return await _done(ctx, Switched(command, asked.request_id, machine), part=RESULT)


@use_case(ALLOWED)
async def _done(ctx: Context, switched: Switched) -> PowerResult:
    command, machine = switched.command, switched.machine
    await _record(ctx, command, switched.request_id, "done", "", machine)
    return PowerResult(
        node_id=command.node_id, action=command.action, outcome="done", power_state=machine.power_state,
        maas_state=node_state(machine.status), response=machine.status_message,
    )  # fmt: skip


@use_case(ALLOWED)
async def _not_done(ctx: Context, tried: NotSwitched) -> Refused:
    error = tried.error
    unknown = isinstance(error, MaasOutcomeUnknown | MaasUnavailable)
    response = error.answer if isinstance(error, MaasError) and error.answer else error.message
    await _record(ctx, tried.command, tried.request_id, "unknown" if unknown else "refused", response, None)
    return Refused.of(error)


async def _switch(
    gateway: MaasGateway, settings: MaasSettings, system_id: SystemId, action: PowerAction
) -> MaasMachine:
    if action == "query":
        await gateway.query_power(system_id)
        return await gateway.get_machine(system_id)
    our_name = (await gateway.whoami()).username
    if not may_touch(await gateway.get_machine(system_id), pool=settings.pool, our_name=our_name):
        raise NodeNotOurs()
    if action == "on":
        return await gateway.power_on(system_id, comment=COMMENT)
    machine = await gateway.power_off(system_id, comment=COMMENT)
    return machine if action == "off" else await gateway.power_on(system_id, comment=COMMENT)


async def _record(
    ctx: Context, command: PowerNode, request_id: UUID, outcome: str, response: str, machine: MaasMachine | None
) -> None:
    node = await lock(ctx, command.node_id)
    await PowerRepository(ctx.session).finish_request(request_id, outcome, response, await ctx.now())
    if machine is not None:
        await PowerRepository(ctx.session).set_power(node.id, machine.power_state)
        address = machine.ip_addresses[0] if machine.ip_addresses else None
        await observe_node(ctx, node.id, node_state(machine.status), address)
    if command.action != "query":
        result = {"done": "done", "refused": f"refused: {response}", "unknown": f"nobody knows: {response}"}[outcome]
        await note(ctx, node.id, f"power_{command.action}", f"{result} {command.reason}".strip())
        version = (await NodeRepository(ctx.session).touch(node.id)).version
        await ctx.emit(NodePowered(node_id=node.id, action=command.action, outcome=outcome), version=version)
