"""A policy key states its type, default, bounds and meaning; an undeclared one does not exist."""

import re
from typing import Generic, Literal, TypeVar

import msgspec

V = TypeVar("V", int, str, bool)

Guard = Literal["up", "down", "any"]  # the direction that loosens what the key guards

POLICIES: dict[str, "PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]"] = {}


class PolicyKey(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """Declare with `PolicyKey(name=…, default=…, …)` in a domain's `policies.py`, inside its `POLICIES` tuple."""

    name: str
    default: V
    description: str
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None  # of a text: the whole of it
    guard: Guard | None = None

    def loosens(self, before: object, after: object) -> bool:
        """Whether going from `before` to `after` weakens what the key guards, so that it takes two people."""
        if self.guard is None or before == after:
            return False
        if self.guard == "any" or not isinstance(before, int) or not isinstance(after, int):
            return True
        return after > before if self.guard == "up" else after < before

    def check(self, value: object) -> V:
        """`value` when it is of the key's type and inside its bounds. Raises ValueError saying which rule it broke."""
        if type(value) is not type(self.default):
            raise ValueError(f"{self.name} must be of type {type(self.default).__name__}")
        if isinstance(value, int) and not isinstance(value, bool):
            if self.minimum is not None and value < self.minimum:
                raise ValueError(f"{self.name} must be at least {self.minimum}")
            if self.maximum is not None and value > self.maximum:
                raise ValueError(f"{self.name} must be at most {self.maximum}")
        if isinstance(value, str) and not re.fullmatch(self.pattern or r"[^\x00-\x1f]{0,200}", value):
            raise ValueError(f"{self.name} must look like {self.default!r}")
        return value


def declare(*keys: PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]) -> None:
    """Add keys to the catalogue; two keys of one name are a mistake."""
    for key in keys:
        if POLICIES.get(key.name, key) != key:
            raise ValueError(f"two policies are called {key.name}")
        POLICIES[key.name] = key
