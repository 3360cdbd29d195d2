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
from app.domains.maas.gateway import MaasGateway
from app.domains.maas.rules import may_touch, node_state
from app.settings import MaasSettings

__all__ = [
    "MaasConflict",
    "MaasError",
    "MaasGateway",
    "MaasNotFound",
    "MaasOutcomeUnknown",
    "MaasRefused",
    "MaasUnavailable",
    "NoMachineAvailable",
    "may_touch",
    "node_state",
    "open_gateway",
]


def open_gateway(settings: MaasSettings) -> MaasGateway:
    """A client of the region in the settings; close it with `aclose()`. Raises ValueError for a bad address or key."""
    return MaasGateway(settings.url, settings.api_key)
