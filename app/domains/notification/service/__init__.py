"""The hub of open pages."""
