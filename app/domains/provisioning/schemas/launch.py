"""The launch form: what it sends, what it shows, and the same choice as a program makes it."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import Meta

from app.domains.inventory.contracts import Offer
from app.domains.provisioning.service.forecast import Forecast, LaunchAllocation
from app.domains.provisioning.service.views import LaunchChoices
from app.domains.releases import public as releases
from app.domains.releases.contracts import KeyView
from app.shared.text import given
from app.web.show_code import ApiCall, call

KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SIZES = (1, 2, 4, 8, 16)
LISTED = "listed"  # says that the form showed keys, also when none of them is checked


class LaunchBody(msgspec.Struct, kw_only=True):
    """`gpus` null means the whole machine. An empty `image` is the default one, an empty `name` the next free one.
    With `dry_run` nothing changes and the answer is the forecast. `keys`: the SSH keys of the caller that open it; null
    means all of them."""

    sku: str
    image: str = ""
    gpus: Annotated[int, Meta(ge=1, le=64)] | None = None
    name: str = ""
    dry_run: bool = False
    keys: Annotated[list[UUID], Meta(max_length=200)] | None = None

    def command(self) -> LaunchAllocation:
        return LaunchAllocation(
            sku_code=self.sku, image_code=self.image, gpus=self.gpus, name=self.name, dry_run=self.dry_run,
            keys=None if self.keys is None else tuple(self.keys),
        )  # fmt: skip


class LaunchForm(msgspec.Struct, kw_only=True):
    """The same from the page; `part` is whole or gpus."""

    sku: str = ""
    image: str = ""
    part: Literal["whole", "gpus"] = "whole"
    gpus: int = 1
    name: str = ""
    suggested: str = ""  # the name that was offered: as long as it stands, another type gets another one
    keys: str | list[str] = []  # LISTED, then the ids of those that are checked; nothing before anybody could choose

    def command(self) -> LaunchAllocation:
        gpus = self.gpus if self.part == "gpus" else None
        name = "" if self.name == self.suggested else self.name
        return LaunchAllocation(
            sku_code=self.sku, image_code=self.image, gpus=gpus, name=name, keys=chosen_keys(self.keys)
        )

    def address(self) -> str:
        """The form's own address with this choice, so that a reload keeps it."""
        name = "" if self.name == self.suggested else self.name
        chosen: dict[str, object] = {"sku": self.sku, "image": self.image, "part": self.part, "gpus": self.gpus}
        chosen |= {"name": name, "keys": self.keys}
        return "/launch?" + urlencode({key: value for key, value in chosen.items() if value}, doseq=True)


def chosen_keys(checked: str | list[str]) -> tuple[UUID, ...] | None:
    """What the checkboxes say; None before anybody could choose. One value of a form comes without its list."""
    argv = [checked] if isinstance(checked, str) else checked
    if LISTED not in argv:
        return None
    return tuple(UUID(word) for word in argv if KEY_ID.fullmatch(word))


class OfferRow(msgspec.Struct, frozen=True, kw_only=True):
    offer: Offer
    checked: bool


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the person's own that may open the machine."""

    id: UUID
    name: str
    kind: str
    fingerprint: str
    checked: bool

    @classmethod
    def of(cls, key: KeyView, chosen: Sequence[UUID] | None) -> "KeyRow":
        kind = releases.shown_kind(key.algorithm, key.bits)
        checked = chosen is None or key.id in chosen
        return cls(id=key.id, name=key.name, kind=kind, fingerprint=key.fingerprint, checked=checked)


class LaunchPage(msgspec.Struct, frozen=True, kw_only=True):
    """The launch form with what the present choice means."""

    offers: tuple[OfferRow, ...]
    chosen: Offer | None
    images: tuple[tuple[str, str], ...]
    image: str
    whole: bool
    gpus: int
    sizes: tuple[int, ...]
    name: str
    suggested: str
    keys: tuple[KeyRow, ...]
    forecast: Forecast | None
    problem: str
    call: ApiCall

    @classmethod
    def of(cls, choices: LaunchChoices) -> "LaunchPage":
        command = choices.command
        chosen = choices.offers.find(command.sku_code)
        maximum = chosen.sku.gpu_count if chosen and chosen.sku.sells_slots else 0
        sizes = tuple(size for size in SIZES if size < maximum) + ((maximum,) if maximum else ())
        return cls(
            offers=tuple(OfferRow(offer=offer, checked=offer is chosen) for offer in choices.offers.items),
            chosen=chosen,
            images=tuple((image.code, image.title) for image in choices.offers.images),
            image=command.image_code,
            whole=command.gpus is None,
            gpus=1 if command.gpus is None else command.gpus,
            sizes=sizes,
            name=given(command.name) or (choices.forecast.name if choices.forecast else ""),
            suggested="" if command.name or choices.forecast is None else choices.forecast.name,
            keys=tuple(KeyRow.of(key, command.keys) for key in choices.keys),
            forecast=choices.forecast,
            problem=choices.problem,
            call=_launch_call(command, choices),
        )


def _launch_call(command: LaunchAllocation, choices: LaunchChoices) -> ApiCall:
    """The choice as an API call. Without `keys` all keys open the machine, so they are left out then."""
    name = given(command.name) or (choices.forecast.name if choices.forecast else "")
    checked = [key for key in choices.keys if command.keys is None or key.id in command.keys]
    fewer = len(checked) < len(choices.keys)
    body = LaunchBody(
        sku=command.sku_code, image=command.image_code, gpus=command.gpus, name=name,
        keys=[key.id for key in checked] if fewer else None,
    )  # fmt: skip
    chosen = [
        ("--image", command.image_code),
        ("--gpus", "" if command.gpus is None else str(command.gpus)),
        ("--name", name),
    ]
    chosen += [("--key", key.name) for key in checked if fewer]
    argv = [word for option, value in chosen if value for word in (option, value)]
    argv += ["--no-keys"] if fewer and not checked else []
    return call("POST", "/api/v1/allocations", body, cli=("launch", command.sku_code, *argv, "--wait"))
