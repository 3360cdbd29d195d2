"""The API of Stripe: Checkout sessions, refunds and signed webhooks."""

from app.domains.payments.gateway.client import CheckoutOrder, RefundOrder, StripeGateway, open_gateway
from app.domains.payments.gateway.signature import verify_signature

__all__ = ["CheckoutOrder", "RefundOrder", "StripeGateway", "open_gateway", "verify_signature"]
