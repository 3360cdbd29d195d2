"""A reason that somebody else can read later: asked for wherever an operator changes what is not theirs."""

from app.shared.text import MAX_TEXT, checked_text


def stated(text: str) -> str:
    """The reason as it was written. Raises ValidationFailed when it says nothing, or too much."""
    return checked_text(text, wanted=f"Say why, in 3 to {MAX_TEXT} characters.")
