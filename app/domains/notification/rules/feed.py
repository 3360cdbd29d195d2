"""Which events the feed and webhooks publish, and the permission to read each.

Events that concern one person only, and those of every metering tick, are not published.
"""

from app.shared.authz import Permission

READ_BY = {
    "provisioning": Permission.ALLOCATION_READ,
    "billing": Permission.BILLING_READ,
    "payments": Permission.BILLING_READ,
    "appruntime": Permission.APP_READ,
    "storage": Permission.STORAGE_READ,
    "auth": Permission.TEAM_READ,
    "notification": Permission.WEBHOOK_MANAGE,
}
SILENT = ("billing.account.changed", "auth.session.", "notification.inbox.")


PREFIX = "berth.v1."


def domain_of(name: str) -> str:
    """`billing` of `billing.tenant.exhausted`."""
    return name.partition(".")[0]


def is_published(name: str) -> bool:
    """Whether events of that name (without the subject's prefix) are published."""
    return domain_of(name) in READ_BY and not name.startswith(SILENT)


def wants(kinds: list[str], name: str) -> bool:
    """Whether an endpoint with these `kinds` gets the event; no kinds means all."""
    return not kinds or name in kinds
