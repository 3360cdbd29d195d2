"""Tells people what changed: live topics for open pages, an inbox, and the mails that any domain records.

Owns: inbox_items, preferences, feed_events, webhook_endpoints, webhook_deliveries; sends the rows of shared.mails.
Emits: notification.inbox.added and read, notification.webhook.disabled.
Consumes: every event of the other domains.
Called by: the frame of every page (unread count). Any domain records mails through app.shared.mail.
"""
