"""Use cases of access to machines: `certificates`, `keys`, `attachments`."""
