"""The title of a transaction, the same on the ledger page and in the exported file."""

from uuid import UUID

TITLES = {
    "payment": "Credit added by card",
    "promotion": "Promotional credit",
    "refund": "Refunded to your card",
    "refund_returned": "Refund returned",
    "dispute": "Disputed at your bank",
    "dispute_returned": "Dispute won by Berth",
    "adjustment": "Correction by Berth",
}
MACHINE_TITLES = {"hold": "Held for", "hold_released": "Hold released for", "usage": "Use of"}


def title_of(kind: str, label: str, cause_id: UUID) -> str:
    """What caused a transaction. `label` is the machine's name; without one it is shown by the end of its id."""
    if kind in TITLES:
        return TITLES[kind]
    return f"{MACHINE_TITLES[kind]} {label or cause_id.hex[-8:]}"
