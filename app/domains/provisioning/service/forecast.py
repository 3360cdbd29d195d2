"""What a launch would cost, where it would be placed, and why it might be refused. Reads only; the launch uses it
too."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import CapacityRequest, ImageView, LaunchTerms, Offers, PriceView, SkuView
from app.domains.provisioning import policies
from app.domains.provisioning.repository import AllocationRepository, TimelineRepository
from app.domains.provisioning.repository.allocations import ProjectUse
from app.domains.provisioning.rules import names
from app.domains.provisioning.rules.placement import explain
from app.domains.provisioning.service.placing import no_room, ranked_shapes
from app.domains.releases import public as releases
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import ValidationFailed
from app.shared.money import RateMicroPerHour
from app.shared.text import given

MAX_COUNTED = 1_000  # nodes that a forecast counts


class LaunchAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """`gpus` None means the whole machine; there is no number that means it. With `dry_run` nothing changes. `keys`:
    which of one's SSH keys open it; None means all. An empty `image_code` is the default image."""

    sku_code: str
    image_code: str = ""
    gpus: int | None = None
    name: str = ""
    dry_run: bool = False
    keys: tuple[UUID, ...] | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch would cost and where it would go, without doing it. Empty `blockers`: it would be accepted."""

    sku_code: str
    name: str
    gpus: int
    whole: bool
    image_code: str
    currency: str
    rate_micro: int
    hold_micro: int
    available_micro: int
    runway_before_seconds: int | None
    runway_after_seconds: int | None
    empties_after_at: datetime | None
    machines_used: int
    machines_allowed: int
    gpus_used: int
    gpus_allowed: int
    fits: int
    warm: int
    ready_seconds: int | None
    placement: str
    blockers: tuple[str, ...]


class Order(NamedTuple):
    """A launch command after every look-up: what exactly is bought, at which price."""

    sku: SkuView
    image: ImageView
    price: PriceView
    rate: RateMicroPerHour
    slots: int | None  # None: the whole machine
    gpus: int
    name: str
    use: ProjectUse  # before this launch


class Room(NamedTuple):
    """Where the order could go now."""

    fits: int
    text: str
    possible: bool


class Quota(NamedTuple):
    """What the project has and may have."""

    machines_used: int
    machines_allowed: int
    gpus_used: int
    gpus_allowed: int


async def order_of(ctx: Context, scope: ProjectScope, command: LaunchAllocation, offers: Offers | None = None) -> Order:
    """Look everything up: the one validation of a launch and of its dry run. `offers`, where they were read already,
    spare looking there. Raises ValidationFailed that names every field at fault, PriceMissing."""
    terms = await _terms(ctx, scope, command, offers)
    sku, image = terms.sku, terms.image
    faults = {
        "sku": "Choose one of the types on offer." if sku is None else None,
        "gpus": part_fault(command.gpus, sku),
        "image": _image_fault(image),
        "name": names.RULE if command.name and not names.is_name(command.name) else None,
        "keys": await _keys_fault(ctx, command),
    }
    if sku is None or image is None or any(faults.values()):
        raise ValidationFailed(fields={field: text for field, text in faults.items() if text})
    price = terms.price
    if price is None:
        price = await inventory.price_at(ctx, sku.id, await ctx.now(), terms.currency)
    rate = price.rate(command.gpus)
    if rate is None:
        raise ValidationFailed(fields={"gpus": "This type is rented as a whole machine only."})
    use = await AllocationRepository(ctx.session).get_use(scope, command.name, names.stem(sku.code))
    return Order(
        sku=sku,
        image=image,
        price=price,
        rate=rate,
        slots=command.gpus,
        gpus=sku.gpu_count if command.gpus is None else command.gpus,
        name=given(command.name) or names.suggest(sku.code, use.names),
        use=use,
    )


async def _terms(ctx: Context, scope: ProjectScope, command: LaunchAllocation, offers: Offers | None) -> LaunchTerms:
    offer = offers.find(command.sku_code) if offers else None
    image = next((image for image in offers.images if image.code == command.image_code), None) if offers else None
    if offers is not None and offer is not None and image is not None:
        return LaunchTerms(currency=offers.currency, sku=offer.sku, image=image, price=offer.price)
    currency = offers.currency if offers else (await auth.tenant(ctx, scope.tenant_id)).currency
    return await inventory.launch_terms(ctx, command.sku_code, command.image_code, currency)


def part_fault(gpus: int | None, sku: SkuView | None) -> str | None:
    """Why so many GPUs cannot be rented of that type; None is the whole machine. Pure."""
    if gpus is None:
        return None if sku is None or sku.sells_whole else "This type is rented by the GPU."
    if sku is None:
        return None if gpus > 0 else "Choose the whole machine or 1 GPU and more."
    if not sku.sells_slots:
        return "This type is rented as a whole machine only."
    return None if 1 <= gpus <= sku.gpu_count else f"Choose the whole machine or 1 to {sku.gpu_count} GPUs."


def _image_fault(image: ImageView | None) -> str | None:
    if image is None:
        return "Choose one of the images on offer."
    return "This image is not on offer any more." if image.retired else None


async def _keys_fault(ctx: Context, command: LaunchAllocation) -> str | None:
    """Which of the chosen SSH keys are not the actor's own."""
    unknown = await releases.unknown_keys(ctx, ctx.actor.id, command.keys) if command.keys else ()
    return f"Not among your SSH keys: {', '.join(map(str, unknown))}." if unknown else None


async def capacity_for(ctx: Context, scope: ProjectScope, order: Order) -> CapacityRequest:
    """What the order asks the inventory for."""
    shares = await ctx.policy(policies.SHARE_ACROSS_TENANTS)
    return CapacityRequest(
        sku_id=order.sku.id,
        image=order.image.code,
        slots=order.slots,
        tenant_id=None if shares else scope.tenant_id,
    )


async def room_for(ctx: Context, scope: ProjectScope, order: Order) -> Room:
    """Where the order could go at this moment; nothing is locked, so a launch may still find it taken."""
    wanted = await capacity_for(ctx, scope, order)
    shapes = await ranked_shapes(ctx, wanted, MAX_COUNTED)
    if not shapes:
        return Room(0, await no_room(ctx, wanted, order.sku.code), False)
    fits = sum(shape.nodes for shape in shapes if shape.shared == shapes[0].shared)
    return Room(fits, explain(shapes[0], whole=order.slots is None), True)


async def quota_of(ctx: Context, scope: ProjectScope, use: ProjectUse) -> Quota:
    """That use against the limits of the project."""
    return Quota(
        use.machines,
        await ctx.policy(policies.MAX_ALLOCATIONS, scope.tenant_id, scope.project_id),
        use.gpus,
        await ctx.policy(policies.MAX_GPUS, scope.tenant_id, scope.project_id),
    )


def quota_blocker(quota: Quota, gpus: int) -> str | None:
    """Why the quota does not allow `gpus` more, in one sentence; None when it does."""
    if quota.machines_used + 1 > quota.machines_allowed:
        return f"This project may have {quota.machines_allowed} machines at once and has {quota.machines_used}."
    if quota.gpus_used + gpus > quota.gpus_allowed:
        return f"This project may use {quota.gpus_allowed} GPUs at once and uses {quota.gpus_used}."
    return None


async def forecast(ctx: Context, command: LaunchAllocation, offers: Offers | None = None) -> Forecast:
    """The dry run: every figure of a launch, and each reason why it would be refused now. Changes nothing. `offers`:
    where they were read already."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_LAUNCH)
    order = await order_of(ctx, scope, command, offers)
    runway = await billing.runway_after(ctx, scope.tenant_id, order.rate)
    quota, room = await quota_of(ctx, scope, order.use), await room_for(ctx, scope, order)
    warm = await inventory.count_warm(ctx, await capacity_for(ctx, scope, order), MAX_COUNTED) if room.possible else 0
    usual = await TimelineRepository(ctx.session).usual_ready_seconds(order.sku.id, order.image.code)
    return Forecast(
        sku_code=order.sku.code,
        name=order.name,
        gpus=order.gpus,
        whole=order.slots is None,
        image_code=order.image.code,
        currency=order.price.currency,
        rate_micro=order.rate,
        hold_micro=runway.hold,
        available_micro=runway.available,
        runway_before_seconds=runway.before,
        runway_after_seconds=runway.after,
        empties_after_at=runway.after_at,
        machines_used=quota.machines_used,
        machines_allowed=quota.machines_allowed,
        gpus_used=quota.gpus_used,
        gpus_allowed=quota.gpus_allowed,
        fits=room.fits,
        warm=warm,
        ready_seconds=None if usual is None else round(usual),
        placement=room.text,
        blockers=await _blockers(ctx, scope, order, command.keys, quota, room, runway.affordable),
    )


async def _blockers(
    ctx: Context,
    scope: ProjectScope,
    order: Order,
    keys: Sequence[UUID] | None,
    quota: Quota,
    room: Room,
    affordable: bool,
) -> tuple[str, ...]:
    found: list[str | None] = [await releases.too_many_keys(ctx, scope.tenant_id, scope.project_id, ctx.actor.id, keys)]
    if order.name in order.use.names:
        found.append(f"A machine called {order.name} exists in this project.")
    found.append(quota_blocker(quota, order.gpus))
    found.append(None if affordable else "There is not enough credit for the hold. Add credit first.")
    found.append(None if room.possible else room.text)
    return tuple(reason for reason in found if reason is not None)
