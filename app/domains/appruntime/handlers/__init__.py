"""Entrances of appruntime."""
