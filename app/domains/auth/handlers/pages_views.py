"""The way out of a view-as; the way in is a customer's page in the operator's console."""

from litestar import Response, post

from app.domains.auth.contracts.customers import StopView
from app.domains.auth.service import views
from app.domains.auth.service.sessions import cache_key
from app.shared.authz import Permission
from app.shared.context import Runtime
from app.shared.crypto import digest
from app.web import Contexts, redirect, requires
from app.web.types import AnyRequest

CUSTOMERS = "/admin/customers"


@post("/view-as/stop", opt=requires(Permission.PROFILE, viewing=True, moves=True), include_in_schema=False)
async def stop_view(request: AnyRequest, contexts: Contexts) -> Response[str]:
    """Stop looking; back to the customer's page."""
    runtime: Runtime = request.app.state.runtime
    async with contexts() as ctx:
        stopped = await views.stop_view(ctx, StopView())
        answer = redirect(ctx, f"{CUSTOMERS}/{stopped.tenant_id}" if stopped.tenant_id else "/")
    token = request.cookies.get(runtime.settings.web.cookie("session"), "")
    await views.forget(runtime, [cache_key(digest(token))])
    return answer


ROUTES = [stop_view]
