"""Berth: the self-service portal of a GPU and bare-metal cloud."""
