"""A request of the API means exactly what it says, or is refused with every fault under its own path.

`decode` reads JSON (RFC 8259) without guessing, `check` holds a value against its type and collects all faults,
`routes` does both for every route below `/api/v1` before its handler runs, from the handler's own signature. Pages and
what vendors send are read elsewhere, tolerantly.
"""

from app.web.exact.check import SAFE
from app.web.exact.routes import ExactRequests, is_exact

__all__ = ["SAFE", "ExactRequests", "is_exact"]
