"""Clients of the mail server and of webhook receivers."""
