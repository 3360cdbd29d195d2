"""One machine: read, update, and every operation of `machines/{system_id}/`."""

from collections.abc import Callable

from devstack.simulators.http import Response
from devstack.simulators.maas import boot_images
from devstack.simulators.maas.call import Action, Call, Refusal, Resource, answer_bytes, operation, restful
from devstack.simulators.maas.lives import Lives
from devstack.simulators.maas.render import POOLS, ZONES
from devstack.simulators.maas.states import COMMISSIONABLE, RELEASABLE, Status, display_name
from devstack.simulators.maas.store import Machine

POWER_TEXT = "Unable to power control the node. Please check power credentials."


def shown(call: Call, machine: Machine) -> Response:
    """The full machine object."""
    return answer_bytes(call.region.renderer.machine(machine))


def read(call: Call) -> Response:
    """Read a machine by its system_id."""
    return shown(call, call.machine())


def update(call: Call) -> Response:
    """Change hostname, description, pool or zone."""
    call.admin()
    machine = call.editable_machine()
    pool, zone = call.text("pool", machine.pool), call.text("zone", machine.zone)
    if pool not in POOLS:
        raise Refusal(400, {"pool": ["Select a valid choice. That choice is not one of the available choices."]})
    if zone not in ZONES:
        raise Refusal(400, {"zone": ["Select a valid choice. That choice is not one of the available choices."]})
    machine.pool, machine.zone = pool, zone
    machine.hostname = call.text("hostname") or machine.hostname
    machine.description = call.text("description", machine.description)
    call.region.store.save(machine)
    return shown(call, machine)


def _check_deploy(call: Call) -> tuple[str, str]:
    """The image of a deploy. Raises Refusal on parameters MAAS refuses."""
    for name in ("ephemeral_deploy", "enable_hw_sync", "install_kvm", "register_vmhost", "install_rackd"):
        call.flag(name)
    if call.flag("install_rackd"):
        raise Refusal(400, {"install_rackd": ["This option is no longer supported."]})  # wording not observed
    if call.flag("install_kvm") or call.flag("register_vmhost"):
        call.admin()
    image = boot_images.resolve(call.text("distro_series"))
    if image is None:
        choices = ", ".join(repr(name) for name in ("", *sorted(boot_images.IMAGES)))
        given = call.text("distro_series")
        message = f"'{given}' is not a valid distro_series.  It should be one of: {choices}."
        raise Refusal(400, {"distro_series": [message]})
    return image


def deploy(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Deploy an operating system to a machine; a Ready one is acquired first."""
        machine, store = call.editable_machine(), call.region.store
        if machine.status not in (Status.READY, Status.ALLOCATED):
            raise Refusal(409, f"Can't deploy a machine that is in the '{display_name(machine.status)}' state")
        osystem, series = _check_deploy(call)
        if machine.status == Status.READY:
            acquire(call, machine)
        call.region.move(machine, Status.DEPLOYING)
        machine.osystem, machine.distro_series = osystem, series
        machine.hwe_kernel = call.text("hwe_kernel") or boot_images.kernel(osystem, series)
        machine.ephemeral_deploy, machine.enable_hw_sync = call.flag("ephemeral_deploy"), call.flag("enable_hw_sync")
        machine.user_data, machine.agent_name = call.text("user_data"), call.text("agent_name", machine.agent_name)
        machine.power_state, machine.installations = "on", machine.installations + 1
        machine.addressed, machine.error_description = False, ""
        store.record(machine, "User starting deployment", call.noted(), "DEBUG", call.user.username)
        store.record(machine, "Deploying")
        store.save(machine)
        body = call.region.renderer.machine(machine)
        lives.deploy(machine, f"{osystem}/{series}")
        return answer_bytes(body)

    return run


def acquire(call: Call, machine: Machine) -> None:
    """Give a Ready machine to the caller."""
    call.region.move(machine, Status.ALLOCATED)
    machine.owner, machine.agent_name = call.user.username, call.text("agent_name")
    call.region.store.record(machine, "User acquiring node", call.noted(), "DEBUG", call.user.username)


def begin_release(call: Call, machine: Machine, lives: Lives, erase: bool) -> None:
    """Release one machine in the ways MAAS does. Raises Refusal (500) when its power will not go off."""
    region = call.region
    if region.strike("power_off_fails", machine, op="release") and machine.power_state == "on":
        region.clear_system(machine)
        region.store.save(machine)
        raise Refusal(500, POWER_TEXT)
    region.store.record(machine, "User releasing node", call.noted(), "DEBUG", call.user.username)
    region.clear_system(machine)
    lives.leave_node(machine)
    machine.locked = False
    if erase:
        region.move(machine, Status.DISK_ERASING)
        machine.power_state = "on"
        region.store.record(machine, "Disk erasing")
        lives.release(machine, erase=True)
    elif machine.power_state == "on" and machine.power_type != "manual":
        region.move(machine, Status.RELEASING)
        region.store.record(machine, "Releasing")
        lives.release(machine, erase=False)
    else:
        region.move(machine, Status.READY)
        region.disown(machine)
        region.store.record(machine, "Released")
        lives.cancel(machine)


def release(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Release a machine; with erase (or secure_erase, quick_erase) its disks are wiped."""
        machine = call.editable_machine()
        if machine.status in (Status.READY, Status.RELEASING):
            return shown(call, machine)
        if machine.status not in RELEASABLE:
            name = display_name(machine.status)
            raise Refusal(409, f"Machine cannot be released in its current state ('{name}').")
        erase = any(call.django_flag(name) for name in ("erase", "secure_erase", "quick_erase"))
        begin_release(call, machine, lives, erase)
        return shown(call, machine)

    return run


_ABORTS = {
    Status.COMMISSIONING: (Status.NEW, "Aborted commissioning"),
    Status.DEPLOYING: (Status.ALLOCATED, "Aborted deployment"),
    Status.DISK_ERASING: (Status.FAILED_DISK_ERASING, "Aborted disk erasing"),
}


def abort(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Abort the machine's current operation."""
        machine = call.editable_machine()
        if machine.status not in _ABORTS:
            where = f"node {machine.hostname} is in state {display_name(machine.status)}"
            raise Refusal(409, f"Cannot abort in current state: {where}.")
        target, event = _ABORTS[Status(machine.status)]
        if target == Status.NEW:
            call.region.disown(machine)
        elif target == Status.ALLOCATED:
            call.region.clear_system(machine)
            machine.addressed = False
        machine.power_state = "off"
        call.region.move(machine, target)
        call.region.store.record(machine, event, by=call.user.username)
        lives.cancel(machine)
        return shown(call, machine)

    return run


def mark_broken(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Mark a machine broken; only its owner may, and it is released by that."""
        machine = call.editable_machine()
        if machine.owner != call.user.username:
            raise Refusal(403)
        call.region.move(machine, Status.BROKEN)
        call.region.clear_system(machine)
        call.region.disown(machine)
        lives.leave_node(machine)
        machine.error_description, machine.power_state = call.text("comment"), "off"
        call.region.store.record(machine, "User marking node broken", call.noted(), "DEBUG", call.user.username)
        lives.cancel(machine)
        return shown(call, machine)

    return run


def mark_fixed(call: Call) -> Response:
    """Mark a broken machine as Ready again."""
    call.admin()
    machine = call.editable_machine()
    if machine.status != Status.BROKEN:
        raise Refusal(409, "Can't mark a non-broken node as 'Ready'.")
    call.region.move(machine, Status.READY)
    machine.error_description = ""
    call.region.store.record(machine, "User marking node fixed", call.noted(), "DEBUG", call.user.username)
    call.region.store.save(machine)
    return shown(call, machine)


def commission(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Commission a machine; the caller owns it meanwhile."""
        call.admin()
        machine = call.editable_machine()
        if machine.status not in COMMISSIONABLE:
            message = "Commission is not available because of the current state of the node."
            raise Refusal(400, {"__all__": [message]})
        call.region.move(machine, Status.COMMISSIONING)
        machine.owner, machine.power_state = call.user.username, "on"
        call.region.store.record(machine, "Commissioning", by=call.user.username)
        lives.commission(machine)
        return shown(call, machine)

    return run


def resource(lives: Lives, powered: tuple[Action, ...]) -> Resource:
    """MachineHandler with all it serves."""
    post = {
        "deploy": deploy(lives),
        "release": release(lives),
        "abort": abort(lives),
        "mark_broken": mark_broken(lives),
        "mark_fixed": mark_fixed,
        "commission": commission(lives),
    }
    actions = (restful("read", read), restful("update", update))
    operations = tuple(operation(name, "POST", run) for name, run in post.items())
    doc = "Manage an individual machine."
    return Resource("MachineHandler", "machines/{system_id}/", doc, (*actions, *operations, *powered))


def node_resource() -> Resource:
    """NodeHandler: the same object read under its older address."""
    return Resource("NodeHandler", "nodes/{system_id}/", "Manage an individual node.", (restful("read", read),))
