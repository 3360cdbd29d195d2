"""How the same changes are asked for by the forms of pages: the recipe of the API that prepares it, and what the form
sends. Without fields it sends the recipe's body; a pair in the path's names says what the form calls them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.api.changes.world import new_key

NOTHING: Mapping[str, str] = MappingProxyType({})


class Sent(NamedTuple):
    """The form of a page by the recipe `of`; None sends what the recipe's body holds."""

    of: str
    fields: Mapping[str, str] | None = NOTHING


HOST = "{hostname}"  # of the node in the path
WHY: dict[str, str] = {"reason": "a ticket"}
NODE, MACHINE, APP = "/admin/nodes/{node_id}", "/allocations/{allocation_id}", "/apps/{app_id}"
HOOK, LINKS = "/webhooks/{endpoint_id}", "/storage/objects/{object_id}/links"
TYPES, MONEY = "/admin/catalog/types/{code}", "/admin/money"
SAME = ("cordon", "lift-quarantine")
PAGES: dict[str, Sent] = {
    **{f"POST {NODE}/{verb}": Sent(f"POST {NODE}/{verb}", WHY) for verb in SAME},
    f"POST {NODE}/empty": Sent(f"POST {NODE}/empty", {**WHY, "confirm_name": HOST}),
    f"POST {NODE}/retire": Sent(f"POST {NODE}/retire", {**WHY, "confirm_name": HOST}),
    f"POST {NODE}/uncordon": Sent(f"POST {NODE}/uncordon"),
    f"POST {NODE}/drain": Sent(f"POST {NODE}/drain", WHY),
    f"POST {NODE}/maintenance/{{window_id}}/end": Sent(f"POST {NODE}/maintenance/{{window_id}}/end"),
    f"POST {NODE}/power": Sent(f"POST {NODE}/power", {"action": "query"}),
    "POST /admin/allocations/{allocation_id}/release": Sent(
        "POST /admin/allocations/{allocation_id}/release", {**WHY, "confirm_name": "train-07"}
    ),
    "POST /admin/allocations/{allocation_id}/cancel": Sent("POST /admin/allocations/{allocation_id}/cancel", WHY),
    "POST /admin/customers/{tenant_id}/suspend": Sent("POST /admin/customers/{tenant_id}/suspend", WHY),
    "POST /admin/customers/{tenant_id}/resume": Sent("POST /admin/customers/{tenant_id}/resume", WHY),
    "POST /admin/customers/people/{user_id}/suspend": Sent("POST /admin/people/{user_id}/suspend", WHY),
    "POST /admin/customers/people/{user_id}/resume": Sent("POST /admin/people/{user_id}/resume", WHY),
    "POST /admin/approvals/{request_id}/approve": Sent("POST /admin/change-requests/{request_id}/approve", WHY),
    "POST /admin/approvals/{request_id}/reject": Sent("POST /admin/change-requests/{request_id}/reject", WHY),
    f"POST {MONEY}/payments/{{payment_id}}/refund": Sent(
        "POST /admin/payments/{payment_id}/refunds", {"amount": "1.00", **WHY}
    ),
    f"POST {MONEY}/refunds/{{refund_id}}/approve": Sent("POST /admin/refunds/{refund_id}/approve", WHY),
    f"POST {MONEY}/refunds/{{refund_id}}/reject": Sent("POST /admin/refunds/{refund_id}/reject", WHY),
    f"POST {MONEY}/corrections/{{adjustment_id}}/approve": Sent("POST /admin/corrections/{adjustment_id}/approve", WHY),
    f"POST {MONEY}/corrections/{{adjustment_id}}/reject": Sent("POST /admin/corrections/{adjustment_id}/reject", WHY),
    f"POST {MONEY}/cases/{{case_id}}/decide": Sent("POST /admin/payment-cases/{case_id}/decide", WHY),
    f"POST {MONEY}/webhooks/{{message_id}}/replay": Sent("POST /admin/payment-events/{message_id}/replay"),
    f"POST {MONEY}/ledger/verify": Sent("POST /admin/ledger/verify"),
    f"POST {TYPES}": Sent("PATCH /admin/skus/{code}", {"title": "Mill"}),
    "POST /admin/catalog/images": Sent("POST /admin/images", None),
    "POST /admin/catalog/images/{image_id}": Sent("PATCH /admin/images/{image_id}", {"act": "restore"}),
    "POST /admin/events/dead-letters/redrive": Sent("POST /admin/dead-letters/redrive"),
    "POST /admin/events/dead-letters/{letter_id}/redrive": Sent("POST /admin/dead-letters/{letter_id}/redrive"),
    "POST /admin/events/dead-letters/{letter_id}/discard": Sent("POST /admin/dead-letters/{letter_id}/discard", WHY),
    "POST /admin/system/announcements": Sent("POST /admin/announcements", {"text": "mill"}),
    "POST /admin/system/announcements/{announcement_id}/withdraw": Sent(
        "POST /admin/announcements/{announcement_id}/withdraw"
    ),
    "POST /admin/policies/{key}": Sent("PUT /admin/policies/{key}", {"value": "30", **WHY}),
    "POST /settings/sessions/{session_id}/revoke": Sent("DELETE /sessions/{session_id}"),
    "POST /settings/sessions/revoke-others": Sent("DELETE /sessions"),
    "POST /team/leave": Sent("POST /team/leave"),
    "POST /team/invitations": Sent("POST /team/invitations", None),
    "POST /team/invitations/{invitation_id}/resend": Sent("POST /team/invitations/{invitation_id}/resend"),
    "POST /team/invitations/{invitation_id}/revoke": Sent("DELETE /team/invitations/{invitation_id}"),
    "POST /team/members/{user_id}/role": Sent("PATCH /team/members/{user_id}", {"role": "tenant_admin"}),
    "POST /team/members/{user_id}/remove": Sent("DELETE /team/members/{user_id}", {"confirm_name": "ben@example.com"}),
    "POST /team/accounts": Sent("POST /service-accounts", {"name": "mill"}),
    "POST /team/accounts/{account_id}/credentials": Sent("POST /service-accounts/{account_id}/credentials"),
    "POST /team/accounts/{account_id}/credentials/{client_id}/revoke": Sent(
        "DELETE /service-accounts/{account_id}/credentials/{client_id}"
    ),
    "POST /team/accounts/{account_id}/disable": Sent("DELETE /service-accounts/{account_id}", {"confirm_name": "ci"}),
    "POST /invitations/{invitation_id}/accept": Sent("POST /invitations/{invitation_id}/accept"),
    "POST /invitations/{invitation_id}/decline": Sent("POST /invitations/{invitation_id}/decline"),
    "POST /organisations": Sent("POST /projects", {"name": "Mill"}),
    "POST /settings/organisation": Sent("PATCH /organisation", {"name": "Mill"}),
    "POST /settings/organisation/projects": Sent("POST /projects", {"name": "mill"}),
    "POST /settings/organisation/projects/{project_id}": Sent("PATCH /projects/{project_id}", {"name": "barn"}),
    "POST /overview/steps/hide": Sent("POST /projects"),
    "POST /settings/keys": Sent("POST /ssh-keys", {"public_key": new_key(), "name": "desk"}),
    "POST /settings/keys/{key_id}/rename": Sent("PATCH /ssh-keys/{key_id}", {"name": "desk"}),
    "POST /settings/keys/{key_id}/revoke": Sent("DELETE /ssh-keys/{key_id}"),
    "POST /billing/credit": Sent("POST /payments/credit", {"amount": "25"}),
    "POST /launch": Sent("POST /allocations", {"sku": "h100x8", "name": "mill"}),
    "POST /machines/{allocation_id}/cancel": Sent(f"POST {MACHINE}/cancel"),
    "POST /machines/{allocation_id}/release": Sent(f"POST {MACHINE}/release", {"confirm_name": "train-07"}),
    "POST /machines/{allocation_id}/keys": Sent(f"POST {MACHINE}/ssh-keys", None),
    "POST /machines/{allocation_id}/keys/{key_id}/detach": Sent(f"DELETE {MACHINE}/ssh-keys/{{key_id}}"),
    "POST /apps/launch": Sent("POST /apps", None),
    f"POST {APP}/act": Sent(f"POST {APP}/stop", {"action": "stop"}),
    "POST /notifications/read": Sent("POST /notifications/read"),
    "POST /notifications/{item_id}/open": Sent("POST /notifications/{item_id}/read"),
    "POST /notifications/{item_id}/read": Sent("POST /notifications/{item_id}/read"),
    "POST /settings/webhooks": Sent("POST /webhooks", None),
    "POST /settings/webhooks/{endpoint_id}": Sent(
        f"PATCH {HOOK}", {"url": "https://example.com/mill", "description": "mill"}
    ),
    "POST /settings/webhooks/{endpoint_id}/off": Sent(f"PATCH {HOOK}"),
    "POST /settings/webhooks/{endpoint_id}/secret": Sent(f"POST {HOOK}/secret"),
    "POST /settings/webhooks/{endpoint_id}/test": Sent(f"POST {HOOK}/test"),
    "POST /settings/webhooks/{endpoint_id}/remove": Sent(f"DELETE {HOOK}"),
    "POST /settings/webhooks/deliveries/{delivery_id}/replay": Sent("POST /webhooks/deliveries/{delivery_id}/replay"),
    "POST /storage/namespaces": Sent("POST /storage/namespaces", None),
    "POST /storage/{name}/rename": Sent("PATCH /storage/namespaces/{name}", {"name": "barn"}),
    "POST /storage/{name}/delete": Sent("DELETE /storage/namespaces/{name}"),
    "POST /storage/objects/{object_id}/delete": Sent("DELETE /storage/objects/{object_id}"),
    "POST /storage/objects/{object_id}/restore": Sent("POST /storage/deleted/{object_id}/restore"),
    "POST /storage/objects/{object_id}/purge": Sent("DELETE /storage/deleted/{object_id}"),
    "POST /storage/objects/{object_id}/share": Sent(f"POST {LINKS}", {"hours": "1"}),
    "POST /storage/objects/{object_id}/links/{link_id}/revoke": Sent(f"DELETE {LINKS}/{{link_id}}"),
}


def fields_of(sent: Sent, body: dict[str, Any] | None) -> dict[str, str]:
    """What the form sends."""
    if sent.fields is not None:
        return dict(sent.fields)
    return {name: str(value) for name, value in (body or {}).items()}
