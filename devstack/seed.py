"""The demonstration's first stock: types with prices, images, the machines of the simulated MAAS, and its people: one
organisation with a history of thirty days (devstack/history), and one with nothing in it.

It goes through the real use cases with the environment of the product's own processes, so nothing here can exist that
an operator could not have made. Every step is repeatable: a seed that was interrupted is simply run again.
"""

import asyncio
import os
import sys
from datetime import timedelta

from app.asgi import build_runtime
from app.domains.appruntime.service.manifests import publish_built_in
from app.domains.inventory.contracts import Disk, NewImage, NewPrice, NewSku
from app.domains.inventory.errors import PriceMissing
from app.domains.inventory.service import catalog, images, prices
from app.domains.inventory.service.import_nodes import import_nodes
from app.domains.maas.public import MaasGateway
from app.settings import Settings, load_settings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, ContextFactory, Runtime
from app.shared.money import RateMicroPerHour
from devstack.history.past import Past
from devstack.history.people import arrive_now
from devstack.history.write import Chapter, begin, write

NEWCOMER = "nils"  # signed in once and did nothing yet

NVME = 3_840_755_982_336  # bytes of a "3.84 TB" drive
NVIDIA = "10de"

SKUS = (
    NewSku(
        code="h100x8", title="H100 SXM ×8", gpu_model="H100", gpu_vendor_id=NVIDIA, gpu_product_id="2330", gpu_count=8,
        vram_gib=80, cpu_count=192, memory_gib=2048, disks=(Disk(8, NVME),), network_gbps=400,
    ),
    NewSku(
        code="a100x8", title="A100 SXM ×8", gpu_model="A100", gpu_vendor_id=NVIDIA, gpu_product_id="20b0", gpu_count=8,
        vram_gib=40, cpu_count=128, memory_gib=1024, disks=(Disk(4, NVME),), network_gbps=200,
    ),
    NewSku(
        code="l40sx4", title="L40S ×4", gpu_model="L40S", gpu_vendor_id=NVIDIA, gpu_product_id="26b9", gpu_count=4,
        vram_gib=48, cpu_count=64, memory_gib=512, disks=(Disk(2, NVME),), network_gbps=100,
    ),
    NewSku(
        code="cpu", title="EPYC 96 cores", cpu_count=96, memory_gib=768, disks=(Disk(2, NVME),), network_gbps=100,
        sells_slots=False,
    ),
)  # fmt: skip
PRICES = (
    NewPrice(sku_code="h100x8", rate_whole=RateMicroPerHour(18_400_000), rate_gpu=RateMicroPerHour(2_300_000)),
    NewPrice(sku_code="a100x8", rate_whole=RateMicroPerHour(9_600_000), rate_gpu=RateMicroPerHour(1_200_000)),
    NewPrice(sku_code="l40sx4", rate_whole=RateMicroPerHour(4_400_000), rate_gpu=RateMicroPerHour(1_100_000)),
    NewPrice(sku_code="cpu", rate_whole=RateMicroPerHour(1_200_000), rate_gpu=None),
)
IMAGES = (
    NewImage(code="ubuntu/noble", title="Ubuntu 24.04 LTS", osystem="ubuntu", distro_series="noble", is_default=True),
    NewImage(code="ubuntu/jammy", title="Ubuntu 22.04 LTS", osystem="ubuntu", distro_series="jammy"),
    NewImage(code="custom/ml-noble", title="Ubuntu 24.04 + CUDA", osystem="custom", distro_series="ml-noble"),
)


async def plant_catalog(ctx: Context) -> None:
    """Types, the price of those that have none now, images. Safe to repeat: prices that exist are left alone."""
    skus = {new.code: await catalog.add_sku(ctx, new) for new in SKUS}
    now = await ctx.now()
    for price in PRICES:
        try:
            await prices.price_at(ctx, skus[price.sku_code].id, now, price.currency)
        except PriceMissing:
            await prices.announce_price(ctx, price)
    for image in IMAGES:
        await images.add_image(ctx, image)


async def plant(runtime: Runtime, chapter: Chapter | None = None) -> str:
    """Plant everything; a line that says what there is now. Raises MaasUnavailable when MAAS never answers."""
    chapter = chapter or Chapter()
    begun = await begin(runtime, chapter)
    if begun is not None:
        opened = begun.first - timedelta(days=1)  # there was something to buy before the first customer came
        seen = await stock(runtime.settings, lambda: Past(runtime, opened).context(opened))
        await write(runtime, begun, chapter)
        await arrive_now(runtime, NEWCOMER)
    else:
        seen = await stock(runtime.settings, lambda: runtime.context(SYSTEM))
    told = "no history was added" if begun is None else f"{len(chapter.runs)} machines of the past"
    return f"{len(SKUS)} types, {len(IMAGES)} images, {seen} machines, {told}"


async def stock(settings: Settings, contexts: ContextFactory) -> int:
    """Types, images, apps and the machines of MAAS; how many machines it has. Repeatable. Raises MaasUnavailable."""
    async with contexts() as ctx:
        await plant_catalog(ctx)
        await publish_built_in(ctx)
    async with MaasGateway(settings.maas.url, settings.maas.api_key) as gateway:
        return (await import_nodes(contexts, gateway, settings.maas.pool)).seen


async def _run() -> str:
    runtime = build_runtime(load_settings(os.environ))
    try:
        return await plant(runtime)
    finally:
        await runtime.close()


def main() -> int:
    """Plant the demonstration data into the stack that the environment names."""
    print(asyncio.run(_run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
