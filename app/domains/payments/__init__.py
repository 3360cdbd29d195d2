"""Credit for money: Stripe Checkout out, signed webhooks in, one ledger posting for each payment and refund.

Owns: payment_sessions, payment_events, refunds, disputes, cases (schema payments)
Emits: payments.payment.succeeded, payments.payment.failed, payments.refund.succeeded, payments.refund.failed
Consumes: nothing from the bus; Stripe's webhooks come in through `handlers.rest`
Called by: admin (payments, refunds, webhooks, cases); it calls billing (credit) and auth (the tenant's currency)
"""
