"""Entrances of notification."""
