"""Every SQL statement of the operator's console."""
