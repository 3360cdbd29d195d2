"""A simulated OpenID Connect provider: authorization code with PKCE, rotating refresh tokens, people at one click.

Owns people, codes, grants, tokens and signing keys in `oidc.sqlite`. The issuer is `http://localhost:PORT` and nothing
else: a request for any other Host is answered 404. It asks who signs in every time (it keeps no browser session).

Faults: `down` (503) and `slow` (`seconds`: 5), both with a `path` selector; in the ID token `wrong_nonce`,
`expired_token`, `wrong_audience`, `wrong_issuer`, `wrong_signature`. `POST /_keys/rotate` signs with a new key while
the old one stays published, until `POST /_keys/retire`.
"""
