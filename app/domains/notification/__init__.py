"""Tells people what changed: open pages, inboxes, mails (which any domain records), programs, webhooks.

Owns: inbox_items, preferences, feed_events, webhook_endpoints, webhook_deliveries; sends the rows of shared.mails.
Emits: notification.inbox.added and read, notification.webhook.disabled.
Consumes: every event of the other domains.
Called by: the frame of every page (unread count). Any domain records mails through app.shared.mail.
"""
