"""Business constants as rows: typed keys with bounds, resolved project, then tenant, then global, then default."""

from app.shared.policy.keys import POLICIES, PolicyKey
from app.shared.policy.store import PolicyStore

__all__ = ["POLICIES", "PolicyKey", "PolicyStore"]
