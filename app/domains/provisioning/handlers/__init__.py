"""Entrances of provisioning for people and programs."""
