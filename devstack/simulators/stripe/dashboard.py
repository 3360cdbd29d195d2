"""What a merchant and a bank do outside of the API: refunds in the dashboard, disputes and their end.

`POST /_dashboard/refunds` and `/_dashboard/disputes` take JSON with `payment_intent`, and `amount` in minor units where
it is not all; a dispute may be an `inquiry`. `POST /_dashboard/refunds/ID/fail` is a bank that returns one, and
`POST /_dashboard/disputes/ID/STATUS` moves a dispute on.
"""

import msgspec

from devstack.simulators.http import Request, Response, json_response
from devstack.simulators.stripe import render
from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import StripeError
from devstack.simulators.stripe.models import Charge


class Wanted(msgspec.Struct, frozen=True):
    """The body of a request."""

    payment_intent: str
    amount: int | None = None
    reason: str = "fraudulent"
    inquiry: bool = False


def handle(account: Account, request: Request, rest: list[str]) -> Response:
    """One act; 400 with Stripe's words for what cannot be."""
    if request.method != "POST":
        return Response(405)
    try:
        return _act(account, request, rest)
    except StripeError as error:
        return json_response(error.body(), error.status)
    except msgspec.MsgspecError as error:
        return json_response({"error": {"message": str(error)}}, 400)


def _act(account: Account, request: Request, rest: list[str]) -> Response:
    match rest:
        case ["refunds"]:
            wanted = msgspec.json.decode(request.body, type=Wanted)
            charge = _charge(account, wanted)
            made = account.refund(charge, wanted.amount, "requested_by_customer", {}, ("", None))
            return json_response(render.refund(made), 201)
        case ["refunds", refund_id, "fail"]:
            return json_response(render.refund(account.fail_refund(refund_id)))
        case ["disputes"]:
            wanted = msgspec.json.decode(request.body, type=Wanted)
            charge = _charge(account, wanted)
            begun = account.dispute(charge, wanted.amount, wanted.reason, inquiry=wanted.inquiry)
            return json_response(render.dispute(begun), 201)
        case ["disputes", dispute_id, status]:
            return json_response(render.dispute(account.move_dispute(dispute_id, status)))
        case _:
            return Response(404, b"not found")


def _charge(account: Account, wanted: Wanted) -> Charge:
    return account.charge(account.intent(wanted.payment_intent).latest_charge or "")
