"""A difference between our books and somebody else's, for `berth reconcile`. Reported, never repaired in silence."""

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` names what differs (an id that both sides know); `advice` is what a person should do about it."""

    where: str  # maas | stripe
    subject: str
    ours: str
    theirs: str
    advice: str
