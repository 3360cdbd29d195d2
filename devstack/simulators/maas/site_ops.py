"""Everything that is not a machine: people, pools, zones, tags, events, images, settings."""

from urllib.parse import urlencode

from devstack.simulators.http import Response
from devstack.simulators.maas import boot_images, render
from devstack.simulators.maas.call import Call, Refusal, Resource, answer, answer_bytes, operation, restful
from devstack.simulators.maas.oauth import User
from devstack.simulators.maas.render import BASE, Json
from devstack.simulators.maas.store import LEVELS, Machine

EVENT_LIMIT = 1000
CAPABILITIES = (
    "networks-management", "static-ipaddresses", "ipv6-deployment-ubuntu", "devices-management",
    "storage-deployment-ubuntu", "network-deployment-ubuntu", "bridging-interface-ubuntu",
    "bridging-automatic-ubuntu", "authenticate-api",
)  # fmt: skip
VERSION: Json = {"capabilities": CAPABILITIES, "version": "3.7.3", "subversion": ""}
CONFIG: Json = {
    "default_distro_series": boot_images.DEFAULT_SERIES,
    "default_osystem": "ubuntu",
    "commissioning_distro_series": "noble",
    "enable_disk_erasing_on_release": False,
    "node_timeout": 30,
    "maas_name": "berth-hall",
}


def version(call: Call) -> Response:
    """The version and what it can do; needs no signature."""
    return answer(VERSION)


def _user_json(user: User) -> Json:
    return {
        "is_superuser": user.is_superuser, "username": user.username, "email": f"{user.username.lower()}@hall.example",
        "is_local": True, "resource_uri": f"{BASE}/users/{user.username}/",
    }  # fmt: skip


def list_users(call: Call) -> Response:
    """List users."""
    return answer([_user_json(user) for user in call.region.users])


def whoami(call: Call) -> Response:
    """The user who signed this request."""
    return answer(_user_json(call.user))


def read_user(call: Call) -> Response:
    """Read a user."""
    for user in call.region.users:
        if user.username == call.params["username"]:
            return answer(_user_json(user))
    raise Refusal(404, "No User matches the given query.")


def sshkeys(call: Call) -> Response:
    """The caller's SSH keys; this region holds none, keys travel in user_data."""
    return answer([])


def pools(call: Call) -> Response:
    """List resource pools."""
    return answer([render.pool_json(name) for name in render.POOLS])


def pool(call: Call) -> Response:
    """Read a resource pool by its number."""
    for name, (number, _) in render.POOLS.items():
        if str(number) == call.params["id"]:
            return answer(render.pool_json(name))
    raise Refusal(404, "No ResourcePool matches the given query.")


def zones(call: Call) -> Response:
    """List zones."""
    return answer([render.zone_json(name) for name in render.ZONES])


def zone(call: Call) -> Response:
    """Read a zone by its name."""
    if call.params["name"] not in render.ZONES:
        raise Refusal(404, "No Zone matches the given query.")
    return answer(render.zone_json(call.params["name"]))


def domains(call: Call) -> Response:
    """List domains."""
    return answer([render.DOMAIN])


def fabrics(call: Call) -> Response:
    """List fabrics."""
    return answer([render.FABRIC])


def fabric(call: Call) -> Response:
    """Read a fabric by its number."""
    if call.params["id"] != "0":
        raise Refusal(404, "No Fabric matches the given query.")
    return answer(render.FABRIC)


def subnets(call: Call) -> Response:
    """List subnets."""
    return answer([render.SUBNET])


def _tag_json(tag: dict[str, str]) -> dict[str, str]:
    return {**tag, "resource_uri": f"{BASE}/tags/{tag['name']}/"}


def _tag(call: Call) -> dict[str, str]:
    found = call.region.store.tags().get(call.params["name"])
    if found is None:
        raise Refusal(404, "No Tag matches the given query.")
    return found


def list_tags(call: Call) -> Response:
    """List tags."""
    return answer([_tag_json(tag) for tag in call.region.store.tags().values()])


def create_tag(call: Call) -> Response:
    """Create a tag."""
    call.admin()
    name = call.text("name")
    if not name:
        raise Refusal(400, {"name": ["This field is required."]})
    if name in call.region.store.tags():
        raise Refusal(400, {"name": ["Tag with this Name already exists."]})
    call.region.store.put_tag(name, call.text("definition"), call.text("comment"), call.text("kernel_opts"))
    return answer(_tag_json(call.region.store.tags()[name]))


def read_tag(call: Call) -> Response:
    """Read a tag."""
    return answer(_tag_json(_tag(call)))


def delete_tag(call: Call) -> Response:
    """Delete a tag, from machines too."""
    call.admin()
    call.region.store.drop_tag(_tag(call)["name"])
    return Response(204)


def tag_machines(call: Call) -> Response:
    """The machines that carry a tag."""
    name = _tag(call)["name"]
    return answer_bytes(
        call.region.renderer.machines([item for item in call.region.visible(call.user) if name in item.tags])
    )


def update_nodes(call: Call) -> Response:
    """Add a tag to machines and take it from others; unknown ids count nothing."""
    call.admin()
    name, machines = _tag(call)["name"], call.region.store.machines
    added = [machines[sid] for sid in call.form.get("add", []) if sid in machines and name not in machines[sid].tags]
    removed = [machines[sid] for sid in call.form.get("remove", []) if sid in machines and name in machines[sid].tags]
    for machine in added:
        _retag(call, machine, [*machine.tags, name])
    for machine in removed:
        _retag(call, machine, [tag for tag in machine.tags if tag != name])
    return answer({"added": len(added), "removed": len(removed)})


def _retag(call: Call, machine: Machine, tags: list[str]) -> None:
    machine.tags = tags
    call.region.store.save(machine)


def _number(call: Call, name: str) -> int | None:
    value = call.query.get(name, [None])[-1]
    if value is None:
        return None
    if not value.isdigit():
        raise Refusal(400, f"Invalid {name}: Please enter an integer value")
    return int(value)


def query_events(call: Call) -> Response:
    """Events of the machines the caller may see, newest first; `after` follows what comes."""
    level = call.query.get("level", ["INFO"])[-1]
    if level not in LEVELS:
        raise Refusal(400, f"Unrecognised log level: {level}")
    limit = _number(call, "limit")
    limit = 100 if limit is None else limit
    if limit > EVENT_LIMIT:
        raise Refusal(400, f"Requested number of events {limit} is greater than limit: {EVENT_LIMIT}")
    machines = _wanted_machines(call)
    after, before = _number(call, "after"), _number(call, "before")
    found = call.region.store.events(machines, LEVELS[level], limit, after, before)
    names = {number: name for name, number in LEVELS.items()}
    events = [
        {"username": event.username, "node": event.system_id, "hostname": machines[event.system_id].hostname,
         "id": event.id, "level": names[event.level], "created": event.created_text, "type": event.type,
         "description": event.description}
        for event in found
    ]  # fmt: skip
    keep = [(key, value) for key, values in call.query.items() if key not in ("after", "before") for value in values]
    newest = found[0].id if found else after or 0
    oldest = found[-1].id if found else before or 0
    return answer(
        {
            "count": len(events),
            "events": events,
            "next_uri": f"{BASE}/events/?{urlencode([*keep, ('after', newest)])}",
            "prev_uri": f"{BASE}/events/?{urlencode([*keep, ('before', oldest)])}",
        }
    )


def _wanted_machines(call: Call) -> dict[str, Machine]:
    tests = {"id": "system_id", "hostname": "hostname", "zone": "zone", "agent_name": "agent_name", "owner": "owner"}
    found = [item for item in call.region.store.machines.values() if call.region.may_see(call.user, item)]
    for key, attribute in tests.items():
        if key in call.query:
            found = [item for item in found if str(getattr(item, attribute)) in call.query[key]]
    return {machine.system_id: machine for machine in found}


def images(call: Call) -> Response:
    """List boot resources; `type` is synced or uploaded."""
    kind = call.query.get("type", [""])[-1]
    if kind not in ("", "synced", "uploaded"):
        raise Refusal(400, f"'{kind}' is not a valid boot resource type")
    listed = [boot_images.image_json(name, call.region.store) for name in boot_images.IMAGES]
    return answer([image for image in listed if not kind or str(image["type"]).lower() == kind])


def image(call: Call) -> Response:
    """Read a boot resource with its files."""
    for name in boot_images.IMAGES:
        found = boot_images.image_json(name, call.region.store)
        if str(found["id"]) == call.params["id"]:
            return answer({**found, "sets": boot_images.sets_json(name)})
    raise Refusal(404, "No BootResource matches the given query.")


def get_config(call: Call) -> Response:
    """One setting of the region."""
    name = call.query.get("name", [""])[-1]
    if name not in CONFIG:
        raise Refusal(400, {name: [f"{name} is not a valid config setting (valid settings are: {', '.join(CONFIG)})."]})
    return answer(CONFIG[name])


def resources() -> list[Resource]:
    """The handlers of this file."""
    whoami_op = operation("whoami", "GET", whoami)
    tag_ops = (
        operation("update_nodes", "POST", update_nodes),
        operation("machines", "GET", tag_machines),
        operation("nodes", "GET", tag_machines),
    )
    one_tag = (restful("read", read_tag), restful("delete", delete_tag), *tag_ops)
    all_tags = (restful("read", list_tags), restful("create", create_tag))
    events = (operation("query", "GET", query_events),)
    config = (operation("get_config", "GET", get_config),)
    return [
        Resource("UsersHandler", "users/", "Manage users.", (restful("read", list_users), whoami_op)),
        Resource("UserHandler", "users/{username}/", "Manage a user.", (restful("read", read_user),)),
        Resource("SSHKeysHandler", "account/prefs/sshkeys/", "SSH keys.", (restful("read", sshkeys),)),
        Resource("ResourcePoolsHandler", "resourcepools/", "Resource pools.", (restful("read", pools),)),
        Resource("ResourcePoolHandler", "resourcepool/{id}/", "A resource pool.", (restful("read", pool),)),
        Resource("ZonesHandler", "zones/", "Manage physical zones.", (restful("read", zones),)),
        Resource("ZoneHandler", "zones/{name}/", "Manage a physical zone.", (restful("read", zone),)),
        Resource("DomainsHandler", "domains/", "Manage domains.", (restful("read", domains),)),
        Resource("FabricsHandler", "fabrics/", "Manage fabrics.", (restful("read", fabrics),)),
        Resource("FabricHandler", "fabrics/{id}/", "Manage a fabric.", (restful("read", fabric),)),
        Resource("SubnetsHandler", "subnets/", "Manage subnets.", (restful("read", subnets),)),
        Resource("TagsHandler", "tags/", "Manage all tags.", all_tags),
        Resource("TagHandler", "tags/{name}/", "Tags classify machines.", one_tag),
        Resource("EventsHandler", "events/", "Retrieve filtered node events.", events),
        Resource("BootResourcesHandler", "boot-resources/", "Manage boot resources.", (restful("read", images),)),
        Resource("BootResourceHandler", "boot-resources/{id}/", "A boot resource.", (restful("read", image),)),
        Resource("MaasHandler", "maas/", "Manage the MAAS server.", config),
    ]
