"""What admin hands to the composition roots."""

from app.domains.admin.handlers import (
    pages_approvals,
    pages_audit,
    pages_books,
    pages_cases,
    pages_customers,
    pages_events,
    pages_money,
    pages_policies,
    pages_system,
    rest_approvals,
    rest_audit,
    rest_customers,
    rest_money,
    rest_operations,
    rest_policies,
)
from app.domains.admin.jobs import CRONS, JOBS
from app.domains.admin.policies import POLICIES
from app.domains.admin.service.find import search_customers
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="admin",
    routes=[
        *pages_audit.ROUTES,
        *rest_audit.ROUTES,
        *pages_approvals.ROUTES,
        *rest_approvals.ROUTES,
        *pages_cases.ROUTES,
        *pages_policies.ROUTES,
        *rest_policies.ROUTES,
        *pages_customers.ROUTES,
        *rest_customers.ROUTES,
        *pages_money.ROUTES,
        *pages_books.ROUTES,
        *rest_money.ROUTES,
        *pages_events.ROUTES,
        *pages_system.ROUTES,
        *rest_operations.ROUTES,
    ],
    jobs=JOBS,
    crons=CRONS,
    policies=POLICIES,
    search=search_customers,
    navigation=[
        NavEntry(
            label="Activity", href="/activity", icon="activity", permission=Permission.ACTIVITY_READ, order=80, jump="y"
        ),
        NavEntry(
            label="Customers",
            href="/admin/customers",
            icon="customers",
            permission=Permission.PLATFORM_CUSTOMER_READ,
            console="operator",
            order=40,
            jump="u",
        ),
        NavEntry(
            label="Money",
            href="/admin/money",
            icon="money",
            permission=Permission.PLATFORM_MONEY_READ,
            console="operator",
            order=60,
            jump="o",
        ),
        NavEntry(
            label="Approvals",
            href="/admin/approvals",
            icon="check",
            permission=Permission.PLATFORM_CONSOLE,
            console="operator",
            order=65,
        ),
        NavEntry(
            label="Audit",
            href="/admin/audit",
            icon="audit",
            permission=Permission.PLATFORM_AUDIT_READ,
            console="operator",
            order=70,
            jump="a",
        ),
        NavEntry(
            label="Policies",
            href="/admin/policies",
            icon="policies",
            permission=Permission.PLATFORM_POLICY_READ,
            console="operator",
            order=80,
            jump="p",
        ),
        NavEntry(
            label="Events",
            href="/admin/events",
            icon="events",
            permission=Permission.PLATFORM_EVENT_READ,
            console="operator",
            order=90,
            jump="e",
        ),
        NavEntry(
            label="System",
            href="/admin/system",
            icon="system",
            permission=Permission.PLATFORM_SYSTEM_READ,
            console="operator",
            order=100,
            jump="s",
        ),
    ],
)
