"""Use cases of payments: buy credit, hear from Stripe, settle, sweep."""
