"""Which names of the product something of the product reaches: by reading, from the entrances on.

Entrances are the command line, the workers, the development stack, what runs when a module is loaded, and functions
that a decorator of an object registers (`@machines.command("ls")`). Methods are not followed: a class is reached whole.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.architecture.source import ROOT

ENTRANCES = ("app.cli", "app.asgi", "app.registry", "app.shared.db.migrate", "workers", "devstack")
UNJUDGED = ("app.models", "app.shared.db.base", "app.settings.table")  # tables are described whole
REGISTERS = ("performs",)  # decorators that remember what they decorate
Name = tuple[str, str]


@dataclass
class Module:
    """One file: what it defines at its top, what it imports, and its statements that define nothing."""

    name: str
    tree: ast.Module
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, Name] = field(default_factory=dict)
    run: list[ast.AST] = field(default_factory=list)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        self._take(self.tree.body)

    def _take(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, ast.If):
                self.run.append(statement.test)
                self._take([*statement.body, *statement.orelse])
            elif names := defines(statement):
                self.defined |= dict.fromkeys(names, statement)
            elif not isinstance(statement, ast.Import | ast.ImportFrom):
                self.run.append(statement)


def defines(statement: ast.stmt) -> list[str]:
    """The names that a statement gives a meaning to."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)]


def names_of(tree: ast.Module) -> set[str]:
    """Functions and classes of a `public`, and what it passes on in `__all__`."""
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and defines(node) == ["__all__"]:
            own |= set(ast.literal_eval(node.value))
    return {name for name in own if not name.startswith("_")}


@cache
def modules() -> dict[str, Module]:
    """Every module of the product and of the development stack."""
    found = {}
    for top in ("app", "workers", "devstack"):
        for path in (ROOT / top).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = Module(name, ast.parse(path.read_text("utf-8")))
    return found


def resolve(module: str, name: str, seen: frozenset[Name] = frozenset()) -> Name | None:
    """Where a name is defined: (module, name), (module, "") for a module, None for what is not ours."""
    known, step = modules().get(module), (module, name)
    if known is not None and name in known.defined:
        return step
    if known is not None and name in known.imported and step not in seen:
        return resolve(*known.imported[name], seen | {step})
    return (f"{module}.{name}", "") if f"{module}.{name}" in modules() else None


def references(module: str, node: ast.AST) -> Iterator[Name]:
    """What of ours a piece of code names, types in quotation marks included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found = resolve(module, part.id)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            owner = resolve(module, part.value.id)
            found = resolve(owner[0], part.attr) if owner and not owner[1] else None
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
            found = resolve(module, part.value)
        else:
            continue
        if found and found[1]:
            yield found


def _registered(statement: ast.stmt) -> bool:
    decorators = [getattr(one, "func", one) for one in getattr(statement, "decorator_list", ())]
    return any(isinstance(one, ast.Attribute) or getattr(one, "id", "") in REGISTERS for one in decorators)


def unreached() -> list[str]:
    """`module:name` of everything that nothing but a test can come to."""
    todo = [name for module in modules().values() for part in module.run for name in references(module.name, part)]
    everything = {(module.name, name): node for module in modules().values() for name, node in module.defined.items()}
    todo += [name for name, node in everything.items() if name[0].startswith(ENTRANCES) or _registered(node)]
    reached: set[Name] = set()
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += references(name[0], everything[name])
    left = [name for name in everything if name not in reached and name[1] != "__all__"]
    return sorted(
        f"{module}:{name}" for module, name in left if not module.startswith(UNJUDGED) and ".models" not in module
    )


@cache
def used_from_outside() -> dict[str, set[str]]:
    """The names of each domain's `public` that a module outside of the domain uses."""
    used: dict[str, set[str]] = {}
    for module in modules().values():
        owners = {alias: source for alias, (source, name) in module.imported.items() if name == "public"}
        asked = [
            (source.removesuffix(".public"), name) for source, name in module.imported.values() if ".public" in source
        ]
        if owners:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in owners:
                    asked.append((owners[node.value.id], node.attr))
        for owner, name in asked:
            if not f"{module.name}.".startswith(f"{owner}."):
                used.setdefault(owner.rpartition(".")[2], set()).add(name)
    return used
