"""Work on many things is a batch of bounded steps: no loop writes in its caller's transaction, no lock without a bound.

A loop over what a query found, which hands the open Context on, does to all in one transaction what one of them can
undo: the first locked row, the first odd one. Ask for a batch (`app.shared.batch`), or open a Context per thing.
The `act` of a batch (`items: Sequence[BatchItem]`) is the one place for such a loop, because its things are counted.
`BOUNDED` names the other loops with what bounds them.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, dotted

SCOPE = (
    "app/domains/*/service/**/*.py",
    "app/domains/*/service.py",
    "app/domains/*/consumers.py",
    "app/domains/*/jobs.py",
    "app/domains/*/public.py",
    "app/domains/*/repository/**/*.py",
    "app/domains/*/repository.py",
    "app/shared/**/*.py",
)
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE\b")
ONE = re.compile(r"(id|code|key|hash) = :|\bLIMIT\b|= ANY\(:")
BOUNDED = {
    "app/domains/admin/service/activity.py:_entries": "reads, a page at a time",
    "app/domains/admin/service/events.py:_send_again": "at most 200 named ones, or a step of a batch",
    "app/domains/appruntime/service/drive.py:_finish_stop": "the two states after a stop",
    "app/domains/appruntime/service/admission.py:_judge": "reads",
    "app/domains/appruntime/service/manifests.py:publish_built_in": "our own files",
    "app/domains/appruntime/service/health.py:leave_machine": "the apps of one machine",
    "app/domains/auth/service/customers.py:_emit_revoked": "rights end at once, in the transaction that ends them",
    "app/domains/auth/service/workspaces.py:enter_workspace": "the workspaces of one person, of which one is taken",
    "app/domains/auth/service/sessions.py:revoke_other_sessions": "the sessions of one person",
    "app/domains/auth/service/team.py:_remove": "the roles of one person in one organisation",
    "app/domains/auth/service/team.py:_move_sessions": "the command lines of one person",
    "app/domains/auth/service/view_as.py:stop_view": "the views of one session",
    "app/domains/billing/service/changes.py:publish_many": "the 500 tenants of a tick; one that fails is ticked alone",
    "app/domains/billing/service/usage.py:_names": "reads",
    "app/domains/inventory/service/import_nodes.py:write": "20 machines; one that fails is written alone",
    "app/domains/inventory/service/import_nodes.py:lose": "20 machines; one that fails is written alone",
    "app/domains/inventory/service/slots.py:free_slots": "the nodes of one allocation",
    "app/domains/notification/service/deliveries.py:record": "the endpoints of one organisation, limited by policy",
    "app/domains/notification/service/inbox.py:_notify": "at most 100 people, or a step of a batch",
    "app/domains/notification/service/maintenance.py:_ask_again": "at most 50",
    "app/domains/notification/service/webhooks.py:replay_failed": "at most 1,000, which the answer says",
    "app/domains/provisioning/service/fleet.py:_stuck_machines": "reads",
    "app/domains/provisioning/service/placing.py:_lock_node": "at most 20 looks for one node",
    "app/domains/provisioning/service/placing.py:_lock_one": "the shapes of one type, of which one node is taken",
    "app/domains/releases/service/delivery.py:sweep": "at most 200 of each",
    "app/domains/releases/service/keys.py:revoke_key": "rights end at once, in the transaction that ends them",
    "app/domains/releases/service/rights.py:withdraw": "of one person or organisation; the watch ends each alone",
    "app/domains/releases/service/rights.py:_detach": "the machines of one person in one project",
    "app/domains/releases/service/rights.py:_end_entries": "the machines of one person in one project",
    "app/domains/storage/service/folders.py:_bring_back": "at most 100, or a step of a batch",
    "app/domains/storage/service/publish.py:publish": "the uploads that one request names",
}


def check(source: Source) -> Iterator[Finding]:
    if source.room != "repository" and source.path.parts[1] != "shared":
        for function in source.functions():
            name = f"{source.path}:{function.name}"
            if name in BOUNDED or _is_act(function):
                continue
            given = {arg.arg for arg in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
            yield from (
                source.finding(loop, f"{function.name}: a loop hands the open Context on; ask for a batch")
                for loop in ast.walk(function)
                if isinstance(loop, LOOPS) and "ctx" in given | _opened(function, loop) and _hands_on(loop)
            )
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and LOCK.search(node.value):
            if not ONE.search(node.value):
                yield source.finding(node, "a lock without a bound: one id, ANY of some ids, or a LIMIT")


def _is_act(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        arg.annotation is not None and ast.unparse(arg.annotation) == "Sequence[BatchItem]"
        for arg in function.args.args
    )


def _opened(function: ast.AST, loop: ast.AST) -> set[str]:
    """`ctx` when a `with` of the function, around the loop and not in it, opens it."""
    inside = set(map(id, ast.walk(loop)))
    for node in ast.walk(function):
        if isinstance(node, ast.AsyncWith) and id(node) not in inside and loop in ast.walk(node):
            if any(isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == "ctx" for item in node.items):
                return {"ctx"}
    return set()


def _hands_on(loop: ast.AST) -> bool:
    """Whether the body awaits something of the Context that was open before the loop."""
    opened = [
        node
        for node in ast.walk(loop)
        if isinstance(node, ast.AsyncWith)
        and any(isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == "ctx" for item in node.items)
    ]
    own = {id(child) for node in opened for child in ast.walk(node)}
    first = getattr(loop, "iter", None)
    skip = {id(child) for child in ast.walk(first)} if first is not None else set()
    if isinstance(loop, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        skip = {id(child) for child in ast.walk(loop.generators[0].iter)}
    for node in ast.walk(loop):
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) and id(node) not in own | skip:
            call = node.value
            writes = dotted(call.func) in {"ctx.emit", "ctx.enqueue", "ctx.audit", "ctx.call_workflow"}
            handed = bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id == "ctx"
            if writes or handed:
                return True
    return False


SERVICE, TABLE = "app/domains/billing/service/all.py", "app/domains/billing/repository/a.py"
BAD = [
    (SERVICE, "async def f(ctx):\n for row in await rows(ctx):\n  await ctx.emit(row)\n"),
    (SERVICE, "async def f(ctx):\n return [await end(ctx, row) for row in await rows(ctx)]\n"),
    (SERVICE, "async def f(run):\n async with run.context() as ctx:\n  for r in x:\n   await end(ctx, r)\n"),
    (TABLE, 'LOCK = text("SELECT a FROM b WHERE c = 1 FOR UPDATE")\n'),
]
GOOD = [
    (SERVICE, "async def act(ctx, b, items: Sequence[BatchItem]):\n for item in items:\n  await end(ctx, item)\n"),
    (SERVICE, "async def f(run):\n for r in x:\n  async with run.context() as ctx:\n   await end(ctx, r)\n"),
    (SERVICE, "async def f(ctx):\n for row in await rows(ctx):\n  found.append(row)\n"),
    (TABLE, 'LOCK = text("SELECT a FROM b WHERE id = :id FOR UPDATE")\n'),
    (TABLE, 'LOCK = text("SELECT a FROM b ORDER BY c LIMIT :n FOR UPDATE SKIP LOCKED")\n'),
]
