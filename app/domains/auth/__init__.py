"""Who people and programs are: sign-in, sessions, organisations, projects, roles, POSIX identities, API tokens.

Owns: users, tenants, projects, memberships, oidc_sessions, user_posix_identities, service_accounts,
service_account_credentials, service_account_tokens, signing_keys.
Emits: auth.tenant.created, auth.session.started, auth.session.revoked.
Consumes: nothing.
Called by: every domain.
"""
