"""Pure rules of apps."""
