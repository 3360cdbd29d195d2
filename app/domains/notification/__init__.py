"""Notifies people and programs of changes: live pages, inboxes, mails, the event feed, and webhooks.

Owns: inbox_items, preferences, feed_events, webhook_endpoints, webhook_deliveries; sends the rows of shared.mails.
Emits: notification.inbox.added and read, notification.webhook.disabled.
Consumes: every event of the other domains.
Called by: the frame of every page (unread count). Other domains record mails through app.shared.mail.
"""
