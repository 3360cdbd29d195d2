"""A simulated Stripe: the part of the API that prepaid credit needs, the hosted Checkout page, signed webhooks.

Owns customers, checkout sessions, payment intents, charges, refunds, events and webhook deliveries in `stripe.sqlite`.
Request parameters are checked against the parameter types of the official SDK, so that a call which the real service
would refuse as unknown is refused here too. It refuses anything outside these resources with Stripe's own
"Unrecognized request URL".

Faults: `card_declined` (the next payment is declined whatever the card), `webhook_twice`, `webhook_late` (`seconds`:
5), `webhook_lost` (never sent until it is re-sent), `webhook_before_redirect` (the browser gets its redirect after the
webhooks were answered), `api_timeout_after_success` (a POST is done, then no answer for `seconds`: 35 and a cut; with
`close` true a cut at once), `api_slow` (`seconds`: 1, before the work), `api_error` (500 before the work),
`api_rate_limited` (429). Webhook faults take the selector `type` (the event's), API faults `method` and `path`.
"""
