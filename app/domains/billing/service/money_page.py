"""The first page of Billing: what moves (refetched alone) and, beside it, how the money went."""

import msgspec

from app.domains.billing.contracts import BillingPage
from app.domains.billing.service import money_charts, statements
from app.shared.context import Context
from app.web.charts import Chart


class MoneyPage(BillingPage, frozen=True, kw_only=True):
    """The page; the part that moves needs what it inherits."""

    balance_chart: Chart
    burn_chart: Chart


async def money_page(ctx: Context) -> MoneyPage:
    """Everything the page shows."""
    return MoneyPage(
        **msgspec.structs.asdict(await statements.billing_page(ctx)),
        balance_chart=await money_charts.balance_chart(ctx),
        burn_chart=await money_charts.burn_chart(ctx),
    )
