"""Routes of storage: pages and the JSON API."""
