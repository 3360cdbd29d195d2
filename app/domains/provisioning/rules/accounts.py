"""Which account an allocation gets on a machine that it shares. Pure."""

from collections.abc import Mapping

HIGHEST_UID = 59_999  # people's own uids count upwards from 20001; stand-ins count down from here


def distinct(login: str, uid: int, taken: Mapping[str, int]) -> tuple[str, int]:
    """The person's own login and uid, or a numbered substitute when they are in use on the machine: releasing one slice
    must never remove another's account."""
    if login not in taken and uid not in taken.values():
        return login, uid
    number = 2
    while (name := f"{login[:27]}-{number}") in taken:
        number += 1
    free = next(candidate for candidate in range(HIGHEST_UID, 20_000, -1) if candidate not in taken.values())
    return name, free
