"""Entrances of storage."""
