"""A machine as releases is told of it."""

from uuid import uuid4

from app.domains.provisioning.contracts import AccessTarget


def a_machine(**known: object) -> AccessTarget:
    """One that nobody will dial, with whatever the test knows better."""
    fields: dict[str, object] = {
        "allocation_id": uuid4(),
        "tenant_id": uuid4(),
        "project_id": uuid4(),
        "name": "train-07",
        "system_id": "n1abcd",
        "address": "192.0.2.7",
        "port": 22,
        "login": "ada",
        "uid": 20_001,
        "principal": "alloc:a1:ada",
        "host_alias": "node-07",
        "host_principals": ("node-07", "n1abcd"),
        "whole": True,
        **known,
    }
    return AccessTarget(**fields)  # type: ignore[arg-type]
