"""Schemas of the operator's console: queries, forms, JSON, and page structs."""
