"""Pure rules of payments: amounts, Checkout sessions, refunds and disputes. Integers only; no I/O and no clock."""
