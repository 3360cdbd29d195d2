"""Pages and API of auth."""
