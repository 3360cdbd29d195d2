"""Entrances of the terminal."""
