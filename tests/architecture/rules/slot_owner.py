"""Slots are taken, left and freed in one module, which changes inventory's slots and provisioning's claims together.

So the two cannot disagree; what a claim refers to is read nowhere.
"""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
HOME = "app/domains/provisioning/service/slots.py"
CALLS = frozenset({"inventory.claim_slots", "inventory.free_slots", "machines.claim", "machines.close_claims"})


def check(source: Source) -> Iterator[Finding]:
    if source.under(HOME):
        return
    for call, name in source.calls():
        if name in CALLS or (source.domain == "provisioning" and name.endswith((").claim", ").close_claims"))):
            yield source.finding(call, f"{name}() outside {HOME}")


BAD = [
    (
        "app/domains/provisioning/service/placing.py",
        "async def f(ctx):\n    await inventory.claim_slots(ctx, 1, 2, 3)\n",
    ),
    ("app/domains/admin/service/nodes.py", "async def f(ctx):\n    await inventory.free_slots(ctx, 1)\n"),
    ("app/domains/provisioning/service/teardown.py", "async def f(machines):\n    await machines.close_claims(1, 2)\n"),
]
GOOD = [
    (HOME, "async def f(ctx):\n    await inventory.free_slots(ctx, 1)\n"),
    ("app/domains/provisioning/service/proving.py", "async def f(ctx):\n    await inventory.slots_of(ctx, 1)\n"),
]
