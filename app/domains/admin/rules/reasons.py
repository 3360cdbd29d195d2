"""The reason that an operator must give for a change to somebody else's data."""

from app.shared.text import MAX_TEXT, checked_text


def stated(text: str) -> str:
    """The reason. Raises ValidationFailed when it is too short or too long."""
    return checked_text(text, wanted=f"Write a reason of 3 to {MAX_TEXT} characters.")
