"""What other domains may use of MAAS: the client, its errors, and the pure decisions about machines."""

from app.domains.maas.errors import (
    MaasConflict,
    MaasError,
    MaasNotFound,
    MaasOutcomeUnknown,
    MaasRefused,
    MaasUnavailable,
    NoMachineAvailable,
)
from app.domains.maas.gateway import MaasGateway, ProcessGateway
from app.domains.maas.rules import may_touch, node_state
from app.shared.context import Runtime

__all__ = [
    "MaasConflict",
    "MaasError",
    "MaasGateway",
    "MaasNotFound",
    "MaasOutcomeUnknown",
    "MaasRefused",
    "MaasUnavailable",
    "NoMachineAvailable",
    "gateway_of",
    "may_touch",
    "node_state",
]


def gateway_of(runtime: Runtime) -> MaasGateway:
    """The process's client of its region. Raises ValueError for a bad address or key."""
    return runtime.part(ProcessGateway)
