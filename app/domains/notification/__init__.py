"""Tells people what changed: live topics for open pages, and the mails that any domain records.

Owns: inbox_items, preferences, feed_events, webhook_endpoints, webhook_deliveries; sends the rows of shared.mails.
Emits: nothing.
Consumes: every event of the other domains.
Called by: nobody; it listens. Mails are recorded through app.shared.mail, so that auth may ask for one too.
"""
