"""What happened, when, and who did it: plain data. Days are counted from the first one; times are hours of the day in
UTC.

Amounts are chosen so that the money runs low twice and never out.
"""

from datetime import timedelta
from typing import Literal

import msgspec

ORGANISATION, TIME_ZONE = "Demo Robotics", "Europe/Berlin"
PROJECTS = ("vision", "language")
IMAGE, ML_IMAGE = "ubuntu/noble", "custom/ml-noble"
WELCOME = 25  # dollars of promotional credit


class Colleague(msgspec.Struct, frozen=True):
    """Somebody whom the owner invites: subject at the identity provider, role."""

    subject: str
    role: str


class Payment(msgspec.Struct, frozen=True):
    """Credit bought by card, in whole dollars."""

    day: int
    hour: float
    dollars: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One machine from launch to receipt. `gpus` None is the whole machine; `ends` tells how it went."""

    name: str
    who: str
    project: str
    sku: str
    day: int
    hour: float
    hours: float
    gpus: int | None = None
    image: str = ML_IMAGE
    ends: Literal["released", "failed", "canceled"] = "released"

    @property
    def begins(self) -> timedelta:
        return timedelta(days=self.day, hours=self.hour)

    @property
    def until(self) -> timedelta:
        return self.begins + timedelta(hours=self.hours)


COLLEAGUES = (Colleague("eli", "tenant_member"), Colleague("farah", "tenant_admin"))
PAYMENTS = (Payment(0, 8.5, 500), Payment(9, 7.75, 500), Payment(17, 6.5, 500), Payment(24, 9.25, 500))
RUNS = (
    Run(name="prep-01", who="dana", project="vision", sku="cpu", day=0, hour=9, hours=6, image=IMAGE),
    Run(name="train-01", who="dana", project="vision", sku="h100x8", day=1, hour=7.4, hours=8),
    Run(name="notebook", who="eli", project="language", sku="l40sx4", gpus=1, day=2, hour=8.1, hours=9),
    Run(name="train-02", who="eli", project="vision", sku="h100x8", gpus=4, day=3, hour=6.9, hours=14),
    Run(name="eval-01", who="farah", project="vision", sku="l40sx4", day=5, hour=12.3, hours=5),
    Run(name="train-03", who="dana", project="vision", sku="h100x8", day=6, hour=7.2, hours=0.02, ends="failed"),
    Run(name="train-04", who="dana", project="vision", sku="h100x8", day=6, hour=7.5, hours=7.25),
    Run(name="sweep-a", who="eli", project="language", sku="a100x8", gpus=2, day=8, hour=9.6, hours=30),
    Run(name="train-05", who="dana", project="vision", sku="h100x8", day=10, hour=6.2, hours=10.5),
    Run(name="notebook", who="eli", project="language", sku="l40sx4", gpus=1, day=11, hour=8, hours=26),
    Run(name="pretrain", who="farah", project="language", sku="a100x8", day=13, hour=16.8, hours=20),
    Run(name="sweep-b", who="eli", project="language", sku="a100x8", day=15, hour=8.4, hours=0.01, ends="canceled"),
    Run(name="serve-01", who="farah", project="language", sku="l40sx4", gpus=2, day=17, hour=7, hours=74),
    Run(name="train-06", who="dana", project="vision", sku="h100x8", day=19, hour=6.6, hours=6),
    Run(name="prep-02", who="dana", project="vision", sku="cpu", day=21, hour=18, hours=12, image=IMAGE),
    Run(name="train-07", who="dana", project="vision", sku="h100x8", day=22, hour=5.9, hours=12.5),
    Run(name="eval-02", who="farah", project="language", sku="a100x8", gpus=4, day=25, hour=8.3, hours=18),
    Run(name="notebook", who="eli", project="language", sku="l40sx4", gpus=1, day=27, hour=8, hours=8.5),
    Run(name="train-08", who="dana", project="vision", sku="h100x8", day=28, hour=6.5, hours=5.25),
    Run(name="eval-03", who="farah", project="vision", sku="l40sx4", day=29, hour=4, hours=7),
)  # fmt: skip
