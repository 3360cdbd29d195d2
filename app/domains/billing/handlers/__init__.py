"""Entrances of billing: pages and JSON."""
