"""Every SQL statement of payments. Locks are taken in this order: payment, refund, account."""
