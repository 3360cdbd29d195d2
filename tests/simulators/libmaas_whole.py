"""Run by python-libmaas's own environment: a machine's life and every list, through Canonical's client."""

import json
import sys

from maas.client import connect

client = connect(sys.argv[1], apikey=sys.argv[2])
done = {"whoami": client.users.whoami().username, "version": client.version.get().version}
for name in ("machines", "zones", "resource_pools", "tags", "domains", "subnets", "fabrics", "boot_resources", "users"):
    done[name] = len(list(getattr(client, name).list()))
machine = client.machines.allocate()
machine.deploy(distro_series="jammy", user_data=b"#cloud-config\n", wait=True, wait_interval=1)
done["deployed"] = machine.status_name
machine.release(comment="done", wait=True, wait_interval=1)
done["released"] = machine.status_name
done["empty"] = client.machines.get(machine.system_id).query_power_state().value
print(json.dumps(done))
