"""The ASGI application of the simulated Stripe: API, Checkout page, webhook console, dashboard. Wiring only."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec

from devstack.simulators.faults import Faults
from devstack.simulators.http import Application, Request, Response, application, json_response
from devstack.simulators.store import Store
from devstack.simulators.stripe import dashboard, pages
from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.api import Api
from devstack.simulators.stripe.checkout import CheckoutPage
from devstack.simulators.stripe.errors import StripeError
from devstack.simulators.stripe.models import Delivery, Event
from devstack.simulators.stripe.webhooks import Dispatcher

PAGE_HEADERS = (
    ("content-security-policy", "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)


def create_app(config: Mapping[str, object], data_dir: Path) -> Application:
    """The simulator for the `stripe` section of `config`; an empty `webhook_url` means no endpoint is registered."""
    section = cast("Mapping[str, object]", config["stripe"])
    webhook_url = str(section.get("webhook_url") or "")
    faults = Faults(data_dir)
    store = Store(data_dir / "stripe.sqlite")
    account = Account(store, faults, f"http://localhost:{section['port']}", has_webhook=bool(webhook_url))
    dispatcher = Dispatcher(account, webhook_url, str(section.get("webhook_secret") or ""))
    api = Api(account, str(section["secret_key"]))
    page = CheckoutPage(account, dispatcher)

    async def handle(request: Request) -> Response:
        match request.segments:
            case ["v1", *_]:
                return await api.handle(request)
            case ["c", "pay", *_]:
                response = await page.handle(request)
                return msgspec.structs.replace(response, headers=response.headers + PAGE_HEADERS)
            case ["assets", "checkout.css"]:
                return Response(200, pages.STYLE.encode(), "text/css; charset=utf-8")
            case ["_dashboard", *rest]:
                return dashboard.handle(account, request, rest)
            case ["_webhooks", *rest]:
                return _console(account, dispatcher, request.method, rest)
            case _:
                return Response(404, b"not found")

    async def stop() -> None:
        await dispatcher.stop()
        await asyncio.sleep(0)
        store.close()

    return application(handle, faults, dispatcher.start, stop)


def _console(account: Account, dispatcher: Dispatcher, method: str, rest: list[str]) -> Response:
    """`GET /_webhooks` lists deliveries, newest first; `POST /_webhooks/resend/EVENT` sends one again."""
    if method == "POST" and len(rest) == 2 and rest[0] == "resend":
        try:
            return json_response(_wire(account, dispatcher.resend(rest[1])), 202)
        except StripeError as error:
            return json_response(error.body(), error.status)
    if method == "GET" and not rest:
        deliveries = account.store.all(Delivery)[::-1]
        return json_response({"deliveries": [_wire(account, delivery) for delivery in deliveries]})
    return Response(404, b"not found")


def _wire(account: Account, delivery: Delivery) -> dict[str, object]:
    event = account.store.find(Event, delivery.event)
    return {**msgspec.to_builtins(delivery), "type": event.type if event else None}
