"""Notifies people and programs of changes: live pages, inboxes, mails, the event feed, and webhooks.

Owns: feed_events, feed_heads, inbox_items, preferences, webhook_attempts, webhook_deliveries, webhook_endpoints
Emits: notification.inbox.added, notification.inbox.read, notification.webhook.disabled
Consumes: every event
"""
