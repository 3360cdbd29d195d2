"""Access to machines: short-lived SSH certificates, people's own keys, accounts of slices, and how they get there.

Owns: allocation_ssh_public_keys, user_ssh_keys, key_attachments (schema releases)
Emits: releases.key.added, releases.key.revoked, releases.access.changed, releases.access.settled, releases.entry.ended
Consumes: auth.membership.removed, auth.membership.changed, auth.person.suspended, auth.tenant.suspended,
  auth.service_account.disabled, auth.session.revoked
"""
