"""Use cases of billing, one module each."""
