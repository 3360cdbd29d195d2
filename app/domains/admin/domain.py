"""What admin hands to the composition roots."""

from app.domains.admin.handlers import pages_audit, pages_policies, rest_audit, rest_policies
from app.domains.admin.jobs import CRONS
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="admin",
    routes=[*pages_audit.ROUTES, *rest_audit.ROUTES, *pages_policies.ROUTES, *rest_policies.ROUTES],
    crons=CRONS,
    navigation=[
        NavEntry(label="Activity", href="/activity", icon="activity", permission=Permission.ACTIVITY_READ, order=80),
        NavEntry(
            label="Audit",
            href="/admin/audit",
            icon="audit",
            permission=Permission.PLATFORM_AUDIT_READ,
            console="operator",
            order=70,
        ),
        NavEntry(
            label="Policies",
            href="/admin/policies",
            icon="policies",
            permission=Permission.PLATFORM_POLICY_READ,
            console="operator",
            order=80,
        ),
    ],
)
