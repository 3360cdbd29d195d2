"""Making a checkout session from checked parameters: which combinations are allowed, limits, defaults.

Only one-time card payments with inline prices are played; anything else is refused plainly rather than ignored.
"""

from typing import cast
from urllib.parse import urlsplit

from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import StripeError
from devstack.simulators.stripe.models import LineItem, Session, new_id
from devstack.simulators.stripe.params import Params

MIN_TOTAL, MAX_TOTAL = 50, 99_999_999  # minor units
MIN_LIFE_SECONDS, MAX_LIFE_SECONDS = 30 * 60, 24 * 3600

_PLAYED = {
    "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "customer", "customer_email", "metadata",
    "expires_at", "payment_intent_data", "submit_type", "payment_method_types", "expand", "locale", "ui_mode",
    "billing_address_collection", "customer_creation", "allow_promotion_codes", "automatic_tax", "adaptive_pricing",
}  # fmt: skip
_PLAYED_INTENT = {"metadata", "description", "receipt_email"}


def new_session(account: Account, params: Params) -> Session:
    """A session that is not kept yet. Raises StripeError."""
    _refuse_unplayed(params, _PLAYED, "")
    intent_data = cast("Params", params.get("payment_intent_data", {}))
    _refuse_unplayed(intent_data, _PLAYED_INTENT, "payment_intent_data")
    if params.get("mode") != "payment":
        raise StripeError("The simulator plays only `mode=payment`.", code="parameter_missing", param="mode")
    if params.get("payment_method_types", ["card"]) != ["card"]:
        raise StripeError("The simulator plays only cards.", param="payment_method_types")
    currency, items = _line_items(cast("list[Params]", params.get("line_items", [])))
    now = int(account.now())
    customer_id, email = _text(params, "customer"), _text(params, "customer_email")
    if customer_id is not None and email is not None:
        raise StripeError("You may only specify one of these parameters: customer, customer_email.")
    customer = account.customer(customer_id, "customer") if customer_id is not None else None
    return Session(
        id="cs_test_" + new_id("a1", 56).replace("_", ""),
        created=now,
        expires_at=_expiry(params, now),
        currency=currency,
        line_items=items,
        success_url=_url(params, "success_url") or _absent("success_url"),
        cancel_url=_url(params, "cancel_url"),
        client_reference_id=_text(params, "client_reference_id"),
        customer=customer_id,
        email=customer.email if customer else email,
        customer_email=email,
        customer_name=customer.name if customer else None,
        metadata=read_metadata(params.get("metadata")),
        submit_type=_text(params, "submit_type"),
        intent_metadata=read_metadata(intent_data.get("metadata"), "payment_intent_data[metadata]"),
        intent_description=_text(intent_data, "description"),
        receipt_email=_text(intent_data, "receipt_email"),
    )


def read_metadata(value: object, param: str = "metadata") -> dict[str, str]:
    """Metadata within Stripe's limits: 50 keys of 40 characters, values of 500. An empty value unsets its key."""
    if not isinstance(value, dict):
        return {}
    pairs = {str(key): str(item) for key, item in value.items() if item != ""}
    if len(pairs) > 50:
        raise StripeError("Metadata can have at most 50 keys.", param=param)
    for key, item in pairs.items():
        if len(key) > 40:
            raise StripeError(f"Metadata keys can have up to 40 characters: {key[:60]}", param=param)
        if len(item) > 500:
            raise StripeError(f"Metadata values can have up to 500 characters: {key}", param=f"{param}[{key}]")
    return pairs


def _line_items(raw: list[Params]) -> tuple[str, list[LineItem]]:
    if not raw:
        raise StripeError("Missing required param: line_items.", code="parameter_missing", param="line_items")
    items, currencies = [], set()
    for index, item in enumerate(raw):
        path = f"line_items[{index}]"
        price = item.get("price_data")
        if not isinstance(price, dict):
            raise StripeError("The simulator plays only inline prices.", param=f"{path}[price_data]")
        product = price.get("product_data")
        if not isinstance(product, dict) or not product.get("name"):
            _absent(f"{path}[price_data][product_data][name]")
        amount, quantity = price.get("unit_amount"), item.get("quantity")
        if not isinstance(amount, int):
            _absent(f"{path}[price_data][unit_amount]")
        if not isinstance(quantity, int):
            _absent(f"{path}[quantity]")
        if cast("int", amount) < 0 or cast("int", quantity) < 1:
            raise StripeError("This value must be greater than or equal to 1.", param=f"{path}[quantity]")
        currency = str(price.get("currency", "")).lower()
        if len(currency) != 3 or not currency.isalpha():
            raise StripeError(f"Invalid currency: {currency}", param=f"{path}[price_data][currency]")
        currencies.add(currency)
        product = cast("Params", product)
        items.append(
            LineItem(
                id=new_id("li"),
                name=str(product["name"]),
                description=_text(product, "description"),
                unit_amount=cast("int", amount),
                quantity=cast("int", quantity),
            )
        )
    if len(currencies) > 1:
        raise StripeError("All line items must have the same currency.", param="line_items")
    _check_total(sum(item.total for item in items))
    return currencies.pop(), items


def _check_total(total: int) -> None:
    if total < MIN_TOTAL:
        raise StripeError(
            "The Checkout Session's total amount due must add up to at least $0.50 usd",
            code="amount_too_small",
            param="line_items",
        )
    if total > MAX_TOTAL:
        raise StripeError(
            "The Checkout Session's total amount due must be no more than $999,999.99",
            code="amount_too_large",
            param="line_items",
        )


def _expiry(params: Params, now: int) -> int:
    expires = params.get("expires_at", now + MAX_LIFE_SECONDS)
    if not isinstance(expires, int) or not now + MIN_LIFE_SECONDS - 5 <= expires <= now + MAX_LIFE_SECONDS + 5:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours"
            " from Checkout Session creation.",
            param="expires_at",
        )
    return expires


def _url(params: Params, name: str) -> str | None:
    value = _text(params, name)
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise StripeError("Not a valid URL", code="url_invalid", param=name)
    return value


def _text(params: Params, name: str) -> str | None:
    value = params.get(name)
    return value if isinstance(value, str) and value else None


def _absent(param: str) -> str:
    raise StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def _refuse_unplayed(params: Params, played: set[str], group: str) -> None:
    for name in params:
        if name not in played:
            full = f"{group}[{name}]" if group else name
            raise StripeError(f"The simulator does not play the parameter {full}.", param=full)
