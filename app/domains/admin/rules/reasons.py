"""A reason that somebody else can read later: asked for wherever an operator changes what is not theirs."""

from app.shared.text import LONGEST_WORDS, kept_words


def stated(text: str) -> str:
    """The reason as it was written. Raises ValidationFailed when it says nothing, or too much."""
    return kept_words(text, wanted=f"Say why, in 3 to {LONGEST_WORDS} characters.")
