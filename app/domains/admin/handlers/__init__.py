"""Entrances of admin."""
