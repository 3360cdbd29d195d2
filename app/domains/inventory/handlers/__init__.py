"""Entrances of the inventory."""
