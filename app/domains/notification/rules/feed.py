"""Which events programs are told (feed and webhooks), and by which permission they may read each.

Left out is what concerns one person only, and what moves with every tick of the meters.
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


def domain_of(name: str) -> str:
    """`billing` of `billing.tenant.exhausted`."""
    return name.partition(".")[0]


def is_told(name: str) -> bool:
    """Whether programs are told of events of that name (without the prefix of the subject)."""
    return domain_of(name) in READ_BY and not name.startswith(SILENT)


def wants(kinds: list[str], name: str) -> bool:
    """Whether an endpoint that chose `kinds` gets this event; none chosen means all."""
    return not kinds or name in kinds
