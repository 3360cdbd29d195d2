"""Entrances of payments: pages, JSON, Stripe's webhooks."""
