"""Business constants as rows: typed keys with bounds, resolved project, then tenant, then global, then default.

Only the keys are offered here, because pure rules and policies import them; `store` reads the values.
"""

from app.shared.policy.keys import POLICIES, PolicyKey

__all__ = ["POLICIES", "PolicyKey"]
