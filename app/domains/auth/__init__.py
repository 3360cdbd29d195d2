"""Identity of people and programs: sign-in, sessions, organisations, projects, roles, POSIX logins, API tokens.

Owns: authorization_codes, identities, invitations, memberships, oidc_sessions, projects, refresh_tokens,
  service_account_credentials, service_account_tokens, service_accounts, signing_keys, tenants, user_posix_identities,
  users, views_as
Emits: auth.invitation.accepted, auth.invitation.declined, auth.invitation.expired, auth.invitation.revoked,
  auth.invitation.sent, auth.membership.changed, auth.membership.granted, auth.membership.removed,
  auth.person.suspended, auth.project.created, auth.project.renamed, auth.service_account.disabled,
  auth.session.revoked, auth.session.started, auth.tenant.changed, auth.tenant.created, auth.tenant.suspended
Consumes: nothing
"""
