"""Tags of what read models of auth depend on, beside `auth:<organisation>`."""

from uuid import UUID

INVITATIONS = "invitations"  # all of them: an event names no address, so nobody knows whom it concerns


def person_tag(user_id: UUID) -> str:
    """The tag of a person's roles, wherever they are."""
    return f"person:{user_id}"
