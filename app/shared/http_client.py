"""The one place that makes HTTP clients. A client is a part of its process (`Runtime.part`): opened and closed once.

It follows no redirect and keeps no cookie, since what it does for one customer must not show in what it does for the
next. Reading the trusted authorities takes as long as a request, so that is done once per process too.
"""

import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2


def http_client(
    *,
    trust_env: bool = True,
    verify: ssl.SSLContext | None = None,
    timeout: httpx2.Timeout | None = None,
    limits: httpx2.Limits | None = None,
    base_url: str = "",
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """A client. `trust_env`: whether proxies and authorities that the environment names are used."""
    return httpx2.AsyncClient(
        base_url=base_url,
        transport=transport,
        trust_env=trust_env,
        verify=verify or trusted(trust_env),
        timeout=timeout or httpx2.Timeout(5.0),
        limits=limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


@cache
def trusted(trust_env: bool) -> ssl.SSLContext:
    """The authorities whose certificates are believed."""
    return httpx2.create_ssl_context(trust_env=trust_env)
