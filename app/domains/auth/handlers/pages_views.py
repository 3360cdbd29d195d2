"""The way out of a view-as; the way in is a customer's page in the operator's console."""

from litestar import Request, Response, post

from app.context import Runtime
from app.domains.auth.service import views
from app.domains.auth.service.sessions import cache_key
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.crypto import digest
from app.shared.web import requires

CUSTOMERS = "/admin/customers"


@post("/view-as/stop", opt=requires(Permission.PROFILE, viewing=True), include_in_schema=False)
async def stop_view(request: Request) -> Response[str]:  # type: ignore[type-arg]
    """Stop looking; back to the customer's page."""
    runtime: Runtime = request.app.state.runtime
    actor: Actor = request.scope["user"]
    await views.stop_view(runtime, actor, request.state.trace)
    token = request.cookies.get(runtime.settings.web.cookie("session"), "")
    await views.forget(runtime, [cache_key(digest(token))])
    location = f"{CUSTOMERS}/{actor.tenant_id}" if actor.viewing else "/"
    return Response("", status_code=303, headers={"location": location}, media_type="text/html")


ROUTES = [stop_view]
