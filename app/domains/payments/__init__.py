"""Credit for money: Stripe Checkout out, signed webhooks in, one ledger posting for each payment and refund.

Stripe's webhooks come in through `handlers`.

Owns: cases, disputes, payment_events, payment_sessions, refunds
Emits: payments.payment.failed, payments.payment.succeeded, payments.refund.failed, payments.refund.succeeded
Consumes: nothing
"""
