"""The wire forms of Stripe's objects, with the real field names. Pure: structs in, dicts out.

A field that a hosted payment does not use is there with the value Stripe gives it then (null, false, empty).
"""

from devstack.simulators.stripe.models import (
    CardDetails,
    Charge,
    Customer,
    Dispute,
    Event,
    Failure,
    Intent,
    LineItem,
    Refund,
    Session,
)

API_VERSION = "2026-10-28.endive"

Wire = dict[str, object]

_NO_ADDRESS: Wire = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def customer(item: Customer) -> Wire:
    """`customer`."""
    return {
        "id": item.id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": item.created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": item.description,
        "discount": None,
        "email": item.email,
        "invoice_prefix": item.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": item.metadata,
        "name": item.name,
        "next_invoice_sequence": 1,
        "phone": item.phone,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


_NULL_IN_INVOICE_DATA = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
_NULL_IN_SESSION = (
    "after_expiration allow_promotion_codes billing_address_collection client_secret collected_information "
    "consent consent_collection currency_conversion customer_account integration_identifier invoice locale "
    "origin_context payment_link payment_method_configuration_details permissions recovered_from "
    "saved_payment_method_options setup_intent shipping_address_collection shipping_cost subscription "
    "wallet_options"
).split()


_FIXED_IN_SESSION: Wire = {
    "adaptive_pricing": {"enabled": False},
    "custom_fields": [],
    "discounts": [],
    "livemode": False,
    "managed_payments": {"enabled": False},
}


def session(item: Session, page_url: str) -> Wire:
    """`checkout.session`. `page_url` is where the buyer pays; only an open session shows it."""
    return {
        **dict.fromkeys(_NULL_IN_SESSION),
        **_FIXED_IN_SESSION,
        "id": item.id,
        "object": "checkout.session",
        "amount_subtotal": item.total,
        "amount_total": item.total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": item.cancel_url,
        "client_reference_id": item.client_reference_id,
        "created": item.created,
        "currency": item.currency,
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": item.customer,
        "customer_creation": None if item.customer else "if_required",
        "customer_details": _customer_details(item),
        "customer_email": item.customer_email,
        "expires_at": item.expires_at,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {**dict.fromkeys(_NULL_IN_INVOICE_DATA), "metadata": {}},
        },
        "metadata": item.metadata,
        "mode": "payment",
        "payment_intent": item.payment_intent,
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": item.payment_status,
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": item.status,
        "submit_type": item.submit_type,
        "success_url": item.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": page_url if item.status == "open" else None,
    }


def _customer_details(item: Session) -> Wire | None:
    if item.email is None:
        return None
    return {
        "address": dict(_NO_ADDRESS) if item.status == "complete" else None,
        "business_name": None,
        "email": item.email,
        "individual_name": None,
        "name": item.customer_name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def line_item(item: LineItem, currency: str) -> Wire:
    """`item`: one line of a session."""
    return {
        "id": item.id,
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": item.total,
        "amount_tax": 0,
        "amount_total": item.total,
        "currency": currency,
        "description": item.name,
        "price": None,
        "quantity": item.quantity,
    }


_NULL_IN_INTENT = (
    "application application_fee_amount automatic_payment_methods canceled_at cancellation_reason "
    "customer_account excluded_payment_method_types on_behalf_of payment_method_configuration_details "
    "processing review setup_future_usage shipping source statement_descriptor statement_descriptor_suffix "
    "transfer_data transfer_group"
).split()


def intent(item: Intent) -> Wire:
    """`payment_intent`."""
    paid = item.status == "succeeded"
    return {
        **dict.fromkeys(_NULL_IN_INTENT),
        "id": item.id,
        "object": "payment_intent",
        "amount": item.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": item.amount if paid else 0,
        "capture_method": "automatic_async",
        "client_secret": item.client_secret,
        "confirmation_method": "automatic",
        "created": item.created,
        "currency": item.currency,
        "customer": item.customer,
        "description": item.description,
        "last_payment_error": _payment_error(item) if item.failure else None,
        "latest_charge": item.latest_charge,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": item.metadata,
        "next_action": {"type": "use_stripe_sdk"} if item.status == "requires_action" else None,
        "payment_method": item.payment_method,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "receipt_email": item.receipt_email,
        "status": item.status,
    }


def _payment_error(item: Intent) -> Wire:
    failure = item.failure
    if failure is None:
        return {}
    error: Wire = {"code": failure.code, "message": failure.message, "type": "card_error"}
    if failure.decline_code is not None:
        error["decline_code"] = failure.decline_code
    if item.latest_charge is not None and failure.code != "payment_intent_authentication_failure":
        error["charge"] = item.latest_charge
    return error


_NULL_IN_CHARGE = (
    "application application_fee application_fee_amount balance_transaction failure_balance_transaction "
    "on_behalf_of receipt_number receipt_url review shipping source source_transfer statement_descriptor "
    "statement_descriptor_suffix transfer_data transfer_group"
).split()


def charge(item: Charge) -> Wire:
    """`charge`."""
    failed = item.failure is not None
    return {
        **dict.fromkeys(_NULL_IN_CHARGE),
        "id": item.id,
        "object": "charge",
        "amount": item.amount,
        "amount_captured": 0 if failed else item.amount,
        "amount_refunded": item.amount_refunded,
        "billing_details": {
            "address": dict(_NO_ADDRESS),
            "email": item.card.email,
            "name": item.card.name,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "BERTH",
        "captured": not failed,
        "created": item.created,
        "currency": item.currency,
        "customer": item.customer,
        "description": item.description,
        "disputed": item.disputed,
        "failure_code": item.failure.code if item.failure else None,
        "failure_message": item.failure.message if item.failure else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": item.metadata,
        "outcome": _outcome(item.failure),
        "paid": not failed,
        "payment_intent": item.payment_intent,
        "payment_method": item.card.payment_method,
        "payment_method_details": {"card": _card(item), "type": "card"},
        "receipt_email": item.receipt_email,
        "refunded": 0 < item.amount == item.amount_refunded,
        "status": "failed" if failed else "succeeded",
    }


def _outcome(failure: Failure | None) -> Wire:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if failure else "approved_by_network",
        "reason": (failure.decline_code or failure.code) if failure else None,
        "seller_message": "The bank declined the payment." if failure else "Payment complete.",
        "type": "issuer_declined" if failure else "authorized",
    }


def _card(item: Charge) -> Wire:
    card: CardDetails = item.card
    return {
        "amount_authorized": None if item.failure else item.amount,
        "authorization_code": None,
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if item.failure and item.failure.code == "incorrect_cvc" else "pass",
        },
        "country": "US",
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": None,
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": item.amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if item.three_d_secure else None,
        "wallet": None,
    }


def _three_d_secure() -> Wire:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


def refund(item: Refund) -> Wire:
    """`refund`; why it failed is there only when it did."""
    why = {"failure_reason": item.failure_reason} if item.failure_reason else {}
    return {
        **why,
        "id": item.id,
        "object": "refund",
        "amount": item.amount,
        "balance_transaction": None,
        "charge": item.charge,
        "created": item.created,
        "currency": item.currency,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": item.metadata,
        "payment_intent": item.payment_intent,
        "reason": item.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": item.status,
        "transfer_reversal": None,
    }


_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
).split()


def dispute(item: Dispute) -> Wire:
    """`dispute`."""
    is_inquiry = item.status.startswith("warning_")
    return {
        "id": item.id,
        "object": "dispute",
        "amount": item.amount,
        "balance_transactions": [],
        "charge": item.charge,
        "created": item.created,
        "currency": item.currency,
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": item.due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": item.payment_intent,
        "payment_method_details": {
            "card": {
                "brand": item.brand,
                "case_type": "inquiry" if is_inquiry else "chargeback",
                "network": item.brand,
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": item.reason,
        "status": item.status,
    }


def event(item: Event, pending_webhooks: int) -> Wire:
    """`event`."""
    return {
        "id": item.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": item.created,
        "data": {"object": item.object},
        "livemode": False,
        "pending_webhooks": pending_webhooks,
        "request": {"id": item.request_id, "idempotency_key": item.idempotency_key},
        "type": item.type,
    }
