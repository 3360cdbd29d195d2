"""Hardware truth and dated prices, without a database."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.inventory import rules
from app.domains.inventory.contracts import Gpu, PriceVersionId, PriceView, SkuId
from app.domains.inventory.rules import SkuHardware
from app.domains.maas.contracts import MachineStatus
from app.shared.ids import new_id
from app.shared.money import RateMicroPerHour
from devstack.seed import SKUS
from devstack.simulators.maas.fleet import BY_NAME
from tests.domains.inventory.stock import facts, machine

TYPES = [
    SkuHardware(
        id=SkuId(new_id()),
        code=sku.code,
        gpu_vendor_id=sku.gpu_vendor_id,
        gpu_product_id=sku.gpu_product_id,
        gpu_count=sku.gpu_count,
        cpu_count=sku.cpu_count,
        memory_gib=sku.memory_gib,
    )
    for sku in SKUS
]
IDS = {sku.code: sku.id for sku in TYPES}


@pytest.mark.parametrize("kind", list(BY_NAME))
def test_each_kind_of_the_fleet_is_its_type(kind: str) -> None:
    made = BY_NAME[kind]
    assert rules.match_sku(made.cores, made.memory_mib, facts(kind), TYPES) == rules.Match(IDS[kind], None)


def test_a_machine_that_lost_a_gpu_has_no_type_and_says_why() -> None:
    match = rules.match_sku(192, 2048 * 1024, facts("h100x8", 7), TYPES)
    assert match == rules.Match(None, "7 × 10de:2330 found; h100x8 has 8")


def test_gpus_of_two_models_fit_no_type() -> None:
    match = rules.match_sku(64, 512 * 1024, (*facts("l40sx4", 2), *facts("a100x8", 2)), TYPES)
    assert match == rules.Match(None, "GPUs of different models: 2 × 10de:20b0, 2 × 10de:26b9")


def test_an_unknown_gpu_fits_no_type() -> None:
    match = rules.match_sku(64, 512 * 1024, (Gpu("1002", "74a1", "MI300X", "0000:10:00.0"),), TYPES)
    assert match == rules.Match(None, "1 × 1002:74a1: fits no type")


@pytest.mark.parametrize(
    ("cpus", "memory_gib", "code"),
    [(96, 768, "cpu"), (96, 755, "cpu"), (96, 384, None), (64, 768, None), (128, 768, None)],
)
def test_without_a_gpu_cpus_and_memory_decide(cpus: int, memory_gib: int, code: str | None) -> None:
    assert rules.match_sku(cpus, memory_gib * 1024, (), TYPES).sku_id == (IDS[code] if code else None)


def test_two_types_with_the_same_gpus_are_told_apart_by_the_board() -> None:
    big = msgspec.structs.replace(TYPES[0], id=SkuId(new_id()), code="h100x8-big", cpu_count=224, memory_gib=4096)
    types = [TYPES[0], big]
    assert rules.match_sku(224, 4096 * 1024, facts("h100x8"), types).sku_id == big.id
    assert rules.match_sku(192, 2048 * 1024, facts("h100x8"), types).sku_id == TYPES[0].id
    assert rules.match_sku(200, 2048 * 1024, facts("h100x8"), types).problem == "8 × 10de:2330: fits no type"


def test_two_types_nobody_could_tell_apart_match_neither() -> None:
    twin = msgspec.structs.replace(TYPES[3], id=SkuId(new_id()), code="cpu-b")
    match = rules.match_sku(96, 768 * 1024, (), [TYPES[3], twin])
    assert match == rules.Match(None, "no GPU, 96 CPUs, 768 GiB: fits more than one type (cpu, cpu-b)")


def test_a_machine_is_inspected_when_new_rebuilt_or_commissioned_again_and_not_otherwise() -> None:
    shown = machine(1)
    same = rules.hardware_of(shown)
    deploying = msgspec.structs.replace(shown, status=MachineStatus.DEPLOYING, ip_addresses=("10.0.0.1",))
    assert not rules.needs_inspection(same, "ready", deploying, "deploying")
    assert rules.needs_inspection(None, None, shown, "ready")
    assert rules.needs_inspection(same, "commissioning", shown, "ready")
    assert rules.needs_inspection(same, "ready", msgspec.structs.replace(shown, memory_mib=1), "ready")
    assert rules.needs_inspection(same, "ready", msgspec.structs.replace(shown, disks=shown.disks[1:]), "ready")


START = datetime(2026, 3, 2, tzinfo=UTC)


def _price(minute: int) -> PriceView:
    return PriceView(
        price_version_id=PriceVersionId(new_id()),
        sku_id=TYPES[0].id,
        currency="USD",
        rate_whole=RateMicroPerHour(minute),
        rate_gpu=None,
        effective_from=START + timedelta(minutes=minute),
    )


@given(st.sets(st.integers(0, 1000), max_size=12), st.integers(-10, 1010))
def test_the_price_in_force_is_the_newest_that_has_begun(minutes: set[int], at: int) -> None:
    prices, instant = [_price(minute) for minute in minutes], START + timedelta(minutes=at)
    held, coming = rules.price_in_force(prices, instant), rules.next_price(prices, instant)
    assert (held.rate_whole if held else None) == max((m for m in minutes if m <= at), default=None)
    assert (coming.rate_whole if coming else None) == min((m for m in minutes if m > at), default=None)


@given(st.sets(st.integers(0, 1000), min_size=1, max_size=12), st.integers(1001, 2000), st.integers(0, 1000))
def test_announcing_a_later_price_never_changes_what_held_before(minutes: set[int], later: int, at: int) -> None:
    prices, instant = [_price(minute) for minute in minutes], START + timedelta(minutes=at)
    assert rules.price_in_force([*prices, _price(later)], instant) == rules.price_in_force(prices, instant)
