"""Use cases of identity: `sign_in`, `sessions`, `tokens`."""
