"""What each API call does: check the parameters, ask the account, render, expand.

Owns the routing table below `/v1`. An unknown path or method is "Unrecognized request URL".
"""

from typing import cast

import msgspec
import stripe.params as sdk
import stripe.params.checkout as sdk_checkout

from devstack.simulators.stripe import render
from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import StripeError, missing
from devstack.simulators.stripe.models import Charge, Customer, Event, Refund, Session, new_id
from devstack.simulators.stripe.params import Params, check
from devstack.simulators.stripe.sessions import new_session, read_metadata

Wire = dict[str, object]


class Call(msgspec.Struct, frozen=True):
    """One API call below `/v1`."""

    method: str
    path: list[str]
    params: Params
    request_id: str
    idempotency_key: str | None


def perform(account: Account, call: Call) -> Wire:
    """The answer's body. Raises StripeError."""
    wire = _route(account, call)
    expand = call.params.get("expand", {})
    for path in expand.values() if isinstance(expand, dict) else ():
        _expand(account, wire, str(path).split("."), str(path))
    return wire


def _route(account: Account, call: Call) -> Wire:
    match call.method, *call.path:
        case "POST", "customers":
            return _create_customer(account, check(sdk.CustomerCreateParams, call.params))
        case "GET", "customers", customer_id:
            check(sdk.CustomerRetrieveParams, call.params)
            return render.customer(account.customer(customer_id))
        case "POST", "checkout", "sessions":
            session = new_session(account, check(sdk_checkout.SessionCreateParams, call.params))
            account.add(session)
            return account.wire_session(session)
        case "GET", "checkout", "sessions":
            return _list_sessions(account, check(sdk_checkout.SessionListParams, call.params))
        case "GET", "checkout", "sessions", session_id:
            check(sdk_checkout.SessionRetrieveParams, call.params)
            return account.wire_session(account.session(session_id))
        case "GET", "checkout", "sessions", session_id, "line_items":
            check(sdk_checkout.SessionLineItemListParams, call.params)
            return _line_items(account.session(session_id))
        case "POST", "checkout", "sessions", session_id, "expire":
            check(sdk_checkout.SessionExpireParams, call.params)
            return account.wire_session(account.expire(session_id))
        case _:
            return _route_payments(account, call)


def _route_payments(account: Account, call: Call) -> Wire:
    match call.method, *call.path:
        case "GET", "payment_intents", intent_id:
            check(sdk.PaymentIntentRetrieveParams, call.params)
            return render.intent(account.intent(intent_id))
        case "GET", "charges":
            return _list_charges(account, check(sdk.ChargeListParams, call.params))
        case "GET", "charges", charge_id:
            check(sdk.ChargeRetrieveParams, call.params)
            return render.charge(account.charge(charge_id))
        case "POST", "refunds":
            return _create_refund(account, call, check(sdk.RefundCreateParams, call.params))
        case "GET", "refunds":
            return _list_refunds(account, check(sdk.RefundListParams, call.params))
        case "GET", "refunds", refund_id:
            check(sdk.RefundRetrieveParams, call.params)
            return _refund(account, refund_id)
        case "GET", "disputes", dispute_id:
            check(sdk.DisputeRetrieveParams, call.params)
            return render.dispute(account.find_dispute(dispute_id))
        case "POST", "disputes", dispute_id, "close":
            check(sdk.DisputeCloseParams, call.params)
            return render.dispute(account.move_dispute(dispute_id, "lost"))
        case "GET", "events":
            return _list_events(account, check(sdk.EventListParams, call.params))
        case "GET", "events", event_id:
            check(sdk.EventRetrieveParams, call.params)
            return _event(account, event_id)
        case _:
            url = "/v1/" + "/".join(call.path)
            raise StripeError(f"Unrecognized request URL ({call.method}: {url}).", status=404)


def _create_customer(account: Account, params: Params) -> Wire:
    known = {"email", "name", "phone", "description", "metadata", "expand"}
    unsupported = sorted(set(params) - known)
    if unsupported:
        raise StripeError(f"The simulator does not play the parameter {unsupported[0]}.", param=unsupported[0])
    email = _text(params, "email")
    if email is not None and "@" not in email:
        raise StripeError(f"Invalid email address: {email}", code="email_invalid", param="email")
    customer = Customer(
        id=new_id("cus", 14),
        created=int(account.now()),
        email=email,
        name=_text(params, "name"),
        phone=_text(params, "phone"),
        description=_text(params, "description"),
        metadata=read_metadata(params.get("metadata")),
    )
    account.add(customer)
    return render.customer(customer)


def _create_refund(account: Account, call: Call, params: Params) -> Wire:
    charge_id, intent_id = _text(params, "charge"), _text(params, "payment_intent")
    if charge_id is None and intent_id is not None:
        charge_id = account.intent(intent_id, "payment_intent").latest_charge
        if charge_id is None:
            raise StripeError(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.", param="payment_intent"
            )
    if charge_id is None:
        raise StripeError(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    amount = params.get("amount")
    refund = account.refund(
        account.charge(charge_id),
        amount if isinstance(amount, int) else None,
        _text(params, "reason"),
        read_metadata(params.get("metadata")),
        (call.request_id, call.idempotency_key),
    )
    return render.refund(refund)


def _refund(account: Account, refund_id: str) -> Wire:
    found = account.store.find(Refund, refund_id)
    if found is None:
        raise missing("refund", refund_id, "refund")
    return render.refund(found)


def _event(account: Account, event_id: str) -> Wire:
    found = account.store.find(Event, event_id)
    if found is None:
        raise missing("event", event_id, "id")
    return account.wire_event(found)


def _list_sessions(account: Account, params: Params) -> Wire:
    account.expire_overdue()
    found = [
        session
        for session in account.store.all(Session)
        if _same(params, "status", session.status)
        and _same(params, "customer", session.customer)
        and _same(params, "payment_intent", session.payment_intent)
        and _created(params, session.created)
    ]
    return _page("/v1/checkout/sessions", [account.wire_session(session) for session in found], params)


def _list_charges(account: Account, params: Params) -> Wire:
    found = [
        charge
        for charge in account.store.all(Charge)
        if _same(params, "customer", charge.customer)
        and _same(params, "payment_intent", charge.payment_intent)
        and _created(params, charge.created)
    ]
    return _page("/v1/charges", [render.charge(charge) for charge in found], params)


def _list_refunds(account: Account, params: Params) -> Wire:
    found = [
        refund
        for refund in account.store.all(Refund)
        if _same(params, "charge", refund.charge)
        and _same(params, "payment_intent", refund.payment_intent)
        and _created(params, refund.created)
    ]
    return _page("/v1/refunds", [render.refund(refund) for refund in found], params)


def _list_events(account: Account, params: Params) -> Wire:
    wanted = params.get("types")
    found = [
        event
        for event in account.store.all(Event)
        if _same(params, "type", event.type)
        and (not isinstance(wanted, list) or event.type in wanted)
        and _created(params, event.created)
    ]
    return _page("/v1/events", [account.wire_event(event) for event in found], params)


def _page(url: str, oldest_first: list[Wire], params: Params) -> Wire:
    limit = params.get("limit", 10)
    if not isinstance(limit, int) or not 1 <= limit <= 100:
        raise StripeError("This value must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
    rows = oldest_first[::-1]
    ids = [row["id"] for row in rows]
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in ids:
            raise missing(url.rsplit("/", 1)[-1].rstrip("s"), str(params[name]), name)
    if "starting_after" in params:
        rows = rows[ids.index(params["starting_after"]) + 1 :]
    if "ending_before" in params:
        rows = rows[: ids.index(params["ending_before"])]
        return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[-limit:]}
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}


def _line_items(session: Session) -> Wire:
    url = f"/v1/checkout/sessions/{session.id}/line_items"
    data = [render.line_item(item, session.currency) for item in session.line_items]
    return {"object": "list", "url": url, "has_more": False, "data": data}


def _text(params: Params, name: str) -> str | None:
    value = params.get(name)
    return value if isinstance(value, str) and value else None


def _same(params: Params, name: str, actual: str | None) -> bool:
    return name not in params or params[name] == actual


def _created(params: Params, created: int) -> bool:
    bounds = params.get("created")
    if isinstance(bounds, int):
        return created == bounds
    if not isinstance(bounds, dict):
        return True
    limits = cast("dict[str, int]", bounds)
    return (
        created > limits.get("gt", -1)
        and created >= limits.get("gte", 0)
        and created < limits.get("lt", 1 << 62)
        and created <= limits.get("lte", 1 << 62)
    )


def _expand(account: Account, node: object, path: list[str], full: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(account, item, path, full)
        return
    if not isinstance(node, dict):
        return
    key = path[0]
    if key == "line_items" and node.get("object") == "checkout.session":
        node[key] = _line_items(account.session(str(node["id"])))
    elif isinstance(node.get(key), str):
        node[key] = _lookup(account, key, str(node[key]), full)
    elif key not in node:
        raise StripeError(f"This property cannot be expanded ({full}).", param="expand")
    if len(path) > 1:
        _expand(account, node[key], path[1:], full)


def _lookup(account: Account, key: str, object_id: str, full: str) -> Wire:
    match key:
        case "customer":
            return render.customer(account.customer(object_id))
        case "payment_intent":
            return render.intent(account.intent(object_id))
        case "latest_charge" | "charge":
            return render.charge(account.charge(object_id))
        case _:
            raise StripeError(f"This property cannot be expanded ({full}).", param="expand")
