"""Entrances of identity."""
