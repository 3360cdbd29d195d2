"""Use cases of payments, one module each."""
