"""Credit for money: Stripe Checkout out, signed webhooks in, exactly one ledger posting for each payment.

Owns: payment_sessions, payment_events (schema payments)
Emits: payments.payment.succeeded, payments.payment.failed
Consumes: nothing from the bus; Stripe's webhooks come in through `handlers.rest`
Called by: nobody; it calls billing (credit) and auth (the tenant's currency)
"""
