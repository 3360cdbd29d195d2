"""What a read model is: a name, a type with a version, and two bounds in seconds."""

from typing import Generic, TypeVar, cast

import msgspec

T = TypeVar("T")
MODELS: "dict[str, ReadModel[object]]" = {}
PREFIX = "berth:read:"


class ReadModel(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Declare once in a module. `holds` is a frozen struct, or a tuple, of values that depend on the key and the tags
    alone and never on who asks. Raise `version` when the type or the meaning changes: processes of two releases then
    keep their answers apart. An answer is at most `shared_seconds + local_seconds` behind, whatever is lost."""

    name: str
    holds: object  # type[T], or a union or tuple of types
    version: int = 1
    shared_seconds: float = 60
    local_seconds: float = 5

    def __post_init__(self) -> None:
        known = MODELS.setdefault(self.name, cast("ReadModel[object]", self))
        if known != self:
            raise ValueError(f"two read models are called {self.name}")

    def entry(self, key: object) -> str:
        """The name of the answer for `key`, in Valkey and in the process."""
        return f"{PREFIX}{self.name}:{self.version}:{key}"

    def encode(self, value: T) -> bytes:
        return msgspec.msgpack.encode(value)

    def decode(self, content: bytes) -> T:
        """Raises msgspec.DecodeError for what another release has written under the same version."""
        return cast(T, msgspec.msgpack.decode(content, type=self.holds))
