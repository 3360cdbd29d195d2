"""A reason that somebody else can read later: asked for wherever an operator changes what is not theirs."""

from app.shared.errors import ValidationFailed

LONGEST = 500


def stated(text: str) -> str:
    """The reason with its spaces tidied. Raises ValidationFailed when it says nothing, or too much."""
    said = " ".join(text.split())
    if not 3 <= len(said) <= LONGEST or not said.isprintable():
        raise ValidationFailed(fields={"reason": f"Say why, in 3 to {LONGEST} characters."})
    return said
