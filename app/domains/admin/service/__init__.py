"""Use cases of the operator's console."""
