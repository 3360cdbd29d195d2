"""Thirty days in the life of one customer, written through the product's own use cases at instants of the past.

Every step is one transaction that carries an idempotency key, so a history that was interrupted is simply written
again: what was done is found, the rest follows, nothing is doubled. Nobody is told: the past sends no event, no mail
and no request to MAAS. Nothing here writes SQL.
"""
