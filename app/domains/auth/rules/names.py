"""Names that people choose, and time zones: what is accepted, and the choices of a select."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from app.shared.errors import ValidationFailed
from app.shared.text import checked_name

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@lru_cache(maxsize=1)
def time_zones() -> tuple[tuple[str, str], ...]:
    """Names of time zones for a select: UTC, then region by region."""
    names = sorted(name for name in available_timezones() if name.partition("/")[0] in REGIONS)
    return (("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names))


def clean_name(text: str) -> str:
    """The name of an organisation, a project or a service account, unchanged. Raises ValidationFailed."""
    return checked_name(text, wanted="1 to 100 printable characters")


def clean_zone(text: str) -> str:
    """The name of a time zone. Raises ValidationFailed."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationFailed(fields={"time_zone": "a name like Europe/Berlin, or UTC"}) from error
