"""How a route declares itself: its permission or why it is public, its rate limit, its idempotency. Deny by default."""

from collections.abc import Sequence

from litestar import Router
from litestar.params import JSONBody as Json
from litestar.params import URLEncodedBody as Form
from litestar.types import ControllerRouterHandler

from app.shared.authz import Permission
from app.shared.rdb import RateLimit
from app.web.limits import CHANGES, MONEY

__all__ = ["API", "MONEY", "Form", "Json", "api_router", "page_router", "public", "requires"]

API = "/api/v1"


def page_router(handlers: Sequence[ControllerRouterHandler]) -> Router:
    """Pages, which the description of the API leaves out."""
    return Router("/", route_handlers=handlers, include_in_schema=False)


def api_router(handlers: Sequence[ControllerRouterHandler]) -> Router:
    """What programs call, each path below `/api/v1`."""
    return Router(API, route_handlers=handlers)


def requires(
    permission: Permission,
    *,
    rate: RateLimit = CHANGES,
    idempotent: bool = True,
    reads: bool = False,
    moves: bool = False,
    csp_nonce: bool = False,
    viewing: bool = False,
) -> dict[str, object]:
    """The `opt=` of a route for those who hold `permission` where they stand.

    A change wants an idempotency key: `idempotent=False` is for single-use mints only, `reads` for a form that changes
    nothing (the database then refuses a change), `moves` for what changes where the person stands, so that a repeat is
    known from there too. `csp_nonce` is for the one page whose library writes its own styles, `viewing` for what an
    operator may do while they view as a customer although it is more than reading."""
    return {
        "permission": permission,
        "rate": rate,
        "idempotent": idempotent and not reads,
        "reads": reads,
        "moves": moves,
        "csp_nonce": csp_nonce,
        "viewing": viewing,
    }


def public(
    reason: str,
    *,
    rate: RateLimit | None = None,
    same_origin: bool = True,
    viewing: bool = False,
    changes: bool = False,
) -> dict[str, object]:
    """The `opt=` of a route that anybody may call; `reason` says why. `same_origin=False` is for callers that are not
    browsers and prove themselves otherwise (a signed webhook), `changes` for a GET that changes something, which then
    decides by rows as every change does."""
    return {
        "public": reason,
        "rate": rate,
        "same_origin": same_origin,
        "viewing": viewing,
        "changes": changes,
    }
