"""One machine's switches and notes: power, lock, workload annotations."""

from collections.abc import Callable

from devstack.simulators.http import Response
from devstack.simulators.maas.call import Action, Call, Refusal, answer, operation
from devstack.simulators.maas.lives import Lives
from devstack.simulators.maas.machine_ops import POWER_TEXT, shown
from devstack.simulators.maas.states import Status


def power_on(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Turn on a machine that has an owner."""
        machine = call.editable_machine()
        if machine.owner is None:
            raise Refusal(409, "Can't start node: it hasn't been allocated.")
        if machine.power_type == "manual":
            return answer(None)
        machine.power_state = "on"
        call.region.store.record(machine, "User powering up node", call.noted(), "DEBUG", call.user.username)
        call.region.store.save(machine)
        lives.refresh_node(machine)
        return shown(call, machine)

    return run


def power_off(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Turn off a machine; `null` when MAAS has no power over it."""
        machine = call.editable_machine()
        if machine.power_type == "manual":
            return answer(None)
        if call.region.strike("power_off_fails", machine, op="power_off"):
            raise Refusal(500, POWER_TEXT)
        machine.power_state = "off"
        call.region.store.record(machine, "User powering down node", call.noted(), "DEBUG", call.user.username)
        call.region.store.save(machine)
        lives.refresh_node(machine)
        return shown(call, machine)

    return run


def query_power_state(call: Call) -> Response:
    """Ask the machine's BMC."""
    machine = call.machine()
    return answer({"state": "unknown" if machine.power_type == "manual" else machine.power_state})


def lock(call: Call) -> Response:
    """Protect a deployed machine from every change."""
    machine = call.machine()
    if machine.owner not in (None, call.user.username) and not call.user.is_superuser:
        raise Refusal(403)
    if machine.status not in (Status.DEPLOYED, Status.DEPLOYING):
        raise Refusal(409, "Can't lock, node is not deployed or deploying")
    if machine.locked:
        raise Refusal(409, "Machine is already locked")
    machine.locked = True
    call.region.store.record(machine, "User locking node", call.noted(), "DEBUG", call.user.username)
    call.region.store.save(machine)
    return shown(call, machine)


def unlock(call: Call) -> Response:
    """Take the protection away."""
    machine = call.machine()
    if machine.owner not in (None, call.user.username) and not call.user.is_superuser:
        raise Refusal(403)
    if not machine.locked:
        raise Refusal(409, "Machine is not locked")
    machine.locked = False
    call.region.store.record(machine, "User unlocking node", call.noted(), "DEBUG", call.user.username)
    call.region.store.save(machine)
    return shown(call, machine)


def annotate(call: Call) -> Response:
    """Set key=value notes on an owned machine; an empty value deletes a key."""
    machine = call.editable_machine()
    if machine.owner != call.user.username:
        raise Refusal(409, "Cannot set workload annotation: it hasn't been acquired.")
    notes = machine.annotations | {key: values[-1] for key, values in call.form.items() if key != "op"}
    machine.annotations = {key: value for key, value in notes.items() if value}
    call.region.store.save(machine)
    return shown(call, machine)


def actions(lives: Lives) -> tuple[Action, ...]:
    """What this file adds to MachineHandler."""
    return (
        operation("power_on", "POST", power_on(lives)),
        operation("power_off", "POST", power_off(lives)),
        operation("query_power_state", "GET", query_power_state),
        operation("lock", "POST", lock),
        operation("unlock", "POST", unlock),
        operation("set_workload_annotations", "POST", annotate),
        operation("set_owner_data", "POST", annotate),
    )
