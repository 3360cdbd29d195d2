"""What must hold after any fault, asked of the database and of MAAS, not of the product's own opinion.

Every function answers with sentences about what is wrong; an empty list is a pass.
"""

from typing import Any

import httpx2

from tests.faults.stack import Stack
from tests.fixtures.slots import DISAGREEMENTS
from tests.simulators.maas_world import authorization

OPEN = "SELECT id, system_id, hostname, state FROM provisioning.node_deployments WHERE state <> 'ended'"
UNBALANCED = """
    SELECT t.id, t.reference, sum(e.amount) AS total FROM billing.ledger_transactions t
    LEFT JOIN billing.ledger_entries e ON e.transaction_id = t.id
    GROUP BY t.id, t.reference HAVING sum(e.amount) IS DISTINCT FROM 0
"""
GAPS = """
    SELECT u.allocation_id, u.from_at FROM (
        SELECT *, lag(to_at) OVER (PARTITION BY allocation_id ORDER BY from_at) AS before FROM billing.usage_records
    ) u JOIN billing.metered_allocations m USING (allocation_id)
    WHERE u.from_at <> coalesce(u.before, m.metered_from)
"""
OWED = """
    SELECT m.allocation_id, a.state, m.metered_from, m.ended_at, a.active_at,
           coalesce((SELECT sum(e.amount) FROM billing.ledger_entries e WHERE e.hold_id = m.allocation_id), 0) AS held,
           (SELECT count(*) FROM billing.usage_records u WHERE u.allocation_id = m.allocation_id) AS usage,
           (SELECT count(*) FROM billing.ledger_transactions t
            WHERE t.cause_id = m.allocation_id AND t.kind = 'usage') AS charges
    FROM billing.metered_allocations m JOIN provisioning.allocations a ON a.id = m.allocation_id
"""
TWICE = """
    SELECT target_id, action, count(*) AS times FROM admin.audit_logs
    WHERE action IN ('allocation.launch', 'allocation.release') AND result = 'allowed'
    GROUP BY 1, 2 HAVING count(*) > 1
"""
UNSENT = (
    "SELECT kind, name, attempts, last_error FROM shared.outbox_events WHERE published_at IS NULL AND due_at < now()"
)
DEAD = "SELECT source, name, error FROM shared.dead_letters WHERE redriven_at IS NULL"
WITHHELD = "SELECT hostname, state, state_reason FROM inventory.nodes WHERE state <> 'ready'"


def money_is_right(stack: Stack) -> list[str]:
    """Every transaction sums to zero, usage tiles, holds belong to what lives, nothing that never ran was charged."""
    wrong = [f"transaction {row['reference']} sums to {row['total']}" for row in stack.query(UNBALANCED)]
    wrong += [f"usage of {row['allocation_id']} has a gap or overlap at {row['from_at']}" for row in stack.query(GAPS)]
    for row in stack.query(OWED):
        wrong += _wrong_about(row)
    verified = stack.berth("ledger", "verify")
    if verified.returncode:
        wrong.append(f"ledger verify: {verified.stdout}{verified.stderr}")
    return wrong


def _wrong_about(row: dict[str, Any]) -> list[str]:
    who, state = f"{row['state']} allocation {row['allocation_id']}", row["state"]
    if state in ("failed", "canceled"):
        problems = {
            "its hold was not given back": row["held"] != 0,
            "it has usage": row["usage"] > 0,
            "it was charged": row["charges"] > 0,
            "it was metered": row["metered_from"] is not None,
        }
    elif state == "active":
        problems = {"it is not metered": row["metered_from"] is None or row["ended_at"] is not None}
    elif state in ("releasing", "release_failed", "released"):
        problems = {"its meter runs": row["ended_at"] is None, "its hold was not captured": row["held"] != 0}
    else:
        problems = {"it was charged before it was active": row["usage"] + row["charges"] > 0}
    return [f"{who}: {problem}" for problem, is_so in problems.items() if is_so]


async def machines_are_right(stack: Stack) -> list[str]:
    """Claims and slots agree, and MAAS has exactly the machines of open deployments, each under its own marker."""
    wrong = [f"{row['problem']}: {row['allocation_id']}" for row in stack.query(DISAGREEMENTS)]
    open_now = {row["system_id"]: row for row in stack.query(OPEN)}
    machines = {machine["system_id"]: machine for machine in await maas_machines(stack)}
    for system_id, machine in machines.items():
        ours, state = machine["pool"]["name"] == "berth", machine["status_name"]
        if system_id in open_now and (state == "Ready" or not ours):
            wrong.append(f"{machine['hostname']} is deployed here and {state} in MAAS")
        elif system_id not in open_now and ours and state != "Ready":
            wrong.append(f"{machine['hostname']} is {state} in MAAS and nobody's here")
    return wrong


async def maas_machines(stack: Stack) -> list[dict[str, Any]]:
    """All machines as MAAS's own administrator sees them."""
    maas = stack.status()["maas"]
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        answer = await client.get(f"{maas['url']}/api/2.0/machines/", headers=authorization(maas["admin_api_key"]))
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found


def nothing_is_stuck(stack: Stack) -> list[str]:
    """The outbox is empty, no message was given up, no healthy machine is withheld, no request had two effects."""
    wrong = [f"unsent {row['kind']} {row['name']}: {row['last_error']}" for row in stack.query(UNSENT)]
    wrong += [f"dead letter {row['source']} {row['name']}: {row['error'][:200]}" for row in stack.query(DEAD)]
    wrong += [f"{row['hostname']} is {row['state']}: {row['state_reason']}" for row in stack.query(WITHHELD)]
    return wrong + [f"{row['action']} of {row['target_id']} {row['times']} times" for row in stack.query(TWICE)]
