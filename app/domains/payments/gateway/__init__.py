"""The API of Stripe: Checkout sessions, refunds and signed webhooks."""

from app.domains.payments.gateway.client import CheckoutOrder, RefundOrder, StripeGateway, gateway_of
from app.domains.payments.gateway.signature import verify_signature

__all__ = ["CheckoutOrder", "RefundOrder", "StripeGateway", "gateway_of", "verify_signature"]
