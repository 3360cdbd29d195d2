"""Tells people what changed: live topics for open pages.

Owns: nothing yet (inbox, preferences and webhooks come with their pages).
Emits: nothing.
Consumes: every event of the other domains.
Called by: nobody; it listens.
"""
