"""`berth admin skus|prices|images …`: what is sold, at which price, with which images."""

import re

import click

from app.cli.client import names, output
from app.cli.client.address import segment
from app.cli.client.admin import PATH, admin
from app.cli.client.http import Api, Json
from app.cli.client.options import AMOUNT, INSTANT, api_command
from app.cli.client.results import show, show_rows

DISKS = re.compile(r"(\d{1,3})x(\d{1,6})(?:\.(\d{1,3}))?(GB|TB)")
BYTES = {"GB": 10**9, "TB": 10**12}
PRICE_COLUMNS = ("TYPE", "STATE", "MACHINE/H", "GPU/H", "FROM", "ANNOUNCED", "ID")


class Disks(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """`8x3.84TB`: how many of which size, in decimal units as disks are sold."""

    name = "disks"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        match = DISKS.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a number of disks such as 8x3.84TB.", param, ctx)
        thousandths = int(match[2]) * 1000 + int((match[3] or "").ljust(3, "0"))
        return {"count": int(match[1]), "size_bytes": thousandths * BYTES[match[4]] // 1000}


@admin.group("skus")
def skus() -> None:
    """Types of machines."""


@admin.group("prices")
def prices() -> None:
    """Dated prices; the past is never rewritten."""


@admin.group("images")
def images() -> None:
    """Images that machines are installed with."""


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _price_row(row: Json) -> tuple[object, ...]:
    currency = row["currency"]
    return (
        row["sku"], row["state"], output.money(row["per_hour"], currency), output.money(row["per_gpu_hour"], currency),
        output.moment(row["effective_from"]), output.moment(row["announced_at"]), output.short(row["id"]),
    )  # fmt: skip


@api_command(skus, "ls")
def skus_ls(api: Api, as_json: bool) -> None:
    """Every type, also what is not on sale."""
    show_rows(
        api.items(f"{PATH}/skus"), as_json,
        ("TYPE", "TITLE", "GPUS", "CPUS", "NODES", "ON SALE", "BY THE GPU", "ORDER"),
        lambda row: (
            row["code"], row["title"], row["gpu_count"], row["cpu_count"], row["nodes"], _yes(row["on_sale"]),
            _yes(row["sells_slots"]), row["position"],
        ),
        "No types yet. Add one with: berth admin skus add",
    )  # fmt: skip


@api_command(skus, "show")
@click.argument("code")
def skus_show(api: Api, as_json: bool, code: str) -> None:
    """One type with all of its prices."""
    found = api.get(f"{PATH}/skus/{segment(code)}")
    if as_json:
        output.show_json(found)
        return
    output.show_details(
        [
            ("Type", found["code"]), ("Title", found["title"]), ("Description", found["description"]),
            ("GPUs", f"{found['gpu_count']} x {found['gpu_model']}" if found["gpu_count"] else None),
            ("CPUs", found["cpu_count"]), ("Memory", f"{found['memory_gib']} GiB"), ("Nodes", found["nodes"]),
            ("On sale", _yes(found["on_sale"])), ("Order", found["position"]), ("Id", found["id"]),
        ]
    )  # fmt: skip
    output.table(PRICE_COLUMNS, [_price_row(row) for row in found["prices"]], "It has no price yet.")


@api_command(skus, "add")
@click.argument("code")
@click.option("--title", required=True)
@click.option("--cpus", "cpu_count", type=click.IntRange(1), required=True)
@click.option("--memory-gib", type=click.IntRange(1), required=True)
@click.option("--network-gbps", type=click.IntRange(1), required=True)
@click.option("--disk", "disks", type=Disks(), multiple=True, help="Such as 8x3.84TB; may be given more than once.")
@click.option("--gpus", "gpu_count", type=click.IntRange(0, 64), default=0)
@click.option("--gpu-model", help="Such as H100.")
@click.option("--gpu-vendor", "gpu_vendor_id", help="PCI vendor, such as 10de.")
@click.option("--gpu-product", "gpu_product_id", help="PCI product, such as 2330.")
@click.option("--vram-gib", type=click.IntRange(0), default=0, help="Of one GPU.")
@click.option("--whole/--no-whole", "sells_whole", default=True, show_default=True, help="Sold as a whole machine.")
@click.option("--slots/--no-slots", "sells_slots", default=False, show_default=True, help="Sold by the GPU.")
def skus_add(api: Api, as_json: bool, code: str, **given: object) -> None:
    """Add a type. It is shown to customers once it has a price."""
    answer = api.post(f"{PATH}/skus", {"code": code, **given})
    show(answer, as_json, f"{code} is there. Give it a price with: berth admin prices plan {code}")


@api_command(skus, "edit")
@click.argument("code")
@click.option("--title")
@click.option("--description")
@click.option("--position", type=int, help="Its place in the catalog, the smallest first.")
@click.option("--on-sale/--not-on-sale", "on_sale", default=None)
def skus_edit(api: Api, as_json: bool, code: str, **given: object) -> None:
    """Change how a type is shown and whether it is sold; machines that run keep running."""
    show(api.patch(f"{PATH}/skus/{segment(code)}", _given(given)), as_json, f"{code} is changed.")


def _given(options: dict[str, object]) -> Json:
    """What was said; the rest stays as it is."""
    body = {name: value for name, value in options.items() if value is not None}
    if not body:
        raise click.UsageError("Nothing to change: give at least one option.")
    return body


@api_command(prices, "ls")
@click.argument("code", required=False)
def prices_ls(api: Api, as_json: bool, code: str | None) -> None:
    """Every price, of one type or of all, oldest first."""
    show_rows(api.items(f"{PATH}/prices", sku=code), as_json, PRICE_COLUMNS, _price_row, "No prices.")


@api_command(prices, "plan")
@click.argument("code")
@click.option("--per-hour", type=AMOUNT, required=True, help="Of the whole machine, such as 18.40.")
@click.option("--per-gpu-hour", type=AMOUNT, help="For types that are sold by the GPU.")
@click.option("--from", "begin", type=INSTANT, help="Such as 2026-12-01T08:00Z; else as soon as policy allows.")
@click.option("--currency", default="USD", show_default=True)
def prices_plan(
    api: Api, as_json: bool, code: str, per_hour: int, per_gpu_hour: int | None, begin: str | None, currency: str
) -> None:
    """Announce a price. A higher one begins after the notice that policy asks for."""
    body: Json = {
        "sku": code, "per_hour": per_hour, "per_gpu_hour": per_gpu_hour, "effective_from": begin, "currency": currency
    }  # fmt: skip
    answer = api.post(f"{PATH}/prices", body)
    begins = output.moment(answer["effective_from"]) if "effective_from" in answer else ""  # else it waits
    show(answer, as_json, f"{code} costs {output.money(per_hour, currency)} an hour from {begins} on.")


@api_command(prices, "undo")
@click.argument("price")
@click.option("--reason", required=True)
def prices_undo(api: Api, as_json: bool, price: str, reason: str) -> None:
    """Go back, at once, to the price before the one in force."""
    found = names.pick(api.items(f"{PATH}/prices"), price, "price", "id")
    answer = api.post(f"{PATH}/prices/{found['id']}/undo", {"reason": reason})
    show(answer, as_json, f"{found['sku']} has the price again that it had before.")


@api_command(prices, "withdraw")
@click.argument("price")
@click.option("--reason", required=True)
def prices_withdraw(api: Api, as_json: bool, price: str, reason: str) -> None:
    """Withdraw a price that has not started yet."""
    found = names.pick(api.items(f"{PATH}/prices"), price, "price", "id")
    answer = api.post(f"{PATH}/prices/{found['id']}/withdraw", {"reason": reason})
    show(answer, as_json, f"The price of {found['sku']} from {output.moment(found['effective_from'])} is withdrawn.")


@api_command(images, "ls")
def images_ls(api: Api, as_json: bool) -> None:
    """Every image, those on offer first."""
    show_rows(
        api.items(f"{PATH}/images"), as_json, ("IMAGE", "TITLE", "MAAS", "DEFAULT", "ON OFFER", "WARM NODES", "ID"),
        lambda row: (
            row["code"], row["title"], row["maas_name"], _yes(row["is_default"]), _yes(not row["retired"]),
            row["warm_nodes"], output.short(row["id"]),
        ),
        "No images yet. Add one with: berth admin images add",
    )  # fmt: skip


@api_command(images, "add")
@click.argument("code")
@click.option("--title", required=True)
@click.option("--os", "osystem", required=True, help="As MAAS names it, such as ubuntu.")
@click.option("--series", "distro_series", required=True, help="As MAAS names it, such as noble.")
def images_add(api: Api, as_json: bool, code: str, **given: object) -> None:
    """Offer an image that MAAS can deploy."""
    show(api.post(f"{PATH}/images", {"code": code, **given}), as_json, f"{code} is on offer.")


@api_command(images, "edit")
@click.argument("image")
@click.option("--title")
@click.option("--default", "is_default", is_flag=True, default=None, help="The image of launches that name none.")
@click.option("--retired/--offered", "retired", default=None, help="Offer it no more, or again.")
def images_edit(api: Api, as_json: bool, image: str, **given: object) -> None:
    """Change an image; machines that run it keep running."""
    found = names.pick(api.items(f"{PATH}/images"), image, "image", "code")
    show(api.patch(f"{PATH}/images/{found['id']}", _given(given)), as_json, f"{found['code']} is changed.")
