"""Use cases of apps."""
