"""Text as people and forms send it. Pure."""


def given(text: str | None) -> str | None:
    """The text, or None for an empty one: a form knows no null, and some fields of the API say that empty means none.
    For text alone; a number that is 0 or a list that is empty was given."""
    return text if text else None
