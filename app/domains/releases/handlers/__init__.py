"""Entrances of access to machines for people and programs."""
