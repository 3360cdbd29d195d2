"""Identity of people and programs: sign-in, sessions, organisations, projects, roles, POSIX logins, API tokens.

Owns: users, identities, tenants, projects, memberships, invitations, oidc_sessions, user_posix_identities,
service_accounts, service_account_credentials, service_account_tokens, signing_keys, authorization_codes,
refresh_tokens.
Emits: auth.tenant.created, changed and suspended, auth.person.suspended, auth.project.created and renamed,
auth.membership.granted, changed and removed, auth.invitation.sent, accepted, declined, revoked and expired,
auth.session.started and revoked, auth.service_account.disabled.
Consumes: nothing.
Called by: every domain.
"""
