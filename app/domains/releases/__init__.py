"""Access to machines: short-lived SSH certificates, people's own keys, accounts of slices, and how they get there.

Owns: allocation_ssh_public_keys, key_attachments, user_ssh_keys
Emits: releases.access.changed, releases.access.settled, releases.entry.ended, releases.key.added,
  releases.key.revoked
Consumes: auth.membership.changed, auth.membership.removed, auth.person.suspended, auth.service_account.disabled,
  auth.session.revoked, auth.tenant.suspended
"""
