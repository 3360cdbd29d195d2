"""The figures of a chart as one sentence."""

from app.shared.formats import money
from app.shared.money import divide_half_even

MIN_TIMES, MAX_TIMES = 3, 20  # a growth between them reads `4 times as much`; beyond, the earlier amount is shown
CENT = 10_000  # micro-units; a smaller amount is not shown


def spent(period: str, total: int, top: tuple[str, int] | None, before: int, before_period: str, currency: str) -> str:
    """`You spent $412.08 in the last 30 days, most of it on H100 SXM ×8; 18 % more than in the 30 days before.`

    `top` is the name and amount of what cost the most; None leaves it out.
    """
    if total == 0:
        earlier = f"; {money(before, currency)} in {before_period}" if before else ""
        return f"You spent nothing in {period}{earlier}."
    text = f"You spent {money(total, currency)} in {period}"
    if top is not None:
        name, amount = top
        share = "all of it" if amount == total else "most of it" if 2 * amount > total else "the largest part"
        text += f", {share} on {name}"
    return f"{text}; {compared(total, before, before_period, currency)}."


def compared(total: int, before: int, before_period: str, currency: str) -> str:
    """How much more or less than before: in whole percent, rounded half to even; from three times on, as a multiple.

    A ratio to almost nothing is meaningless: then the earlier amount is shown.
    """
    if before < CENT:
        return f"{'next to nothing' if before > 0 else 'nothing'} in {before_period}"
    times, change = total // before, divide_half_even(100 * abs(total - before), before)
    if times >= MAX_TIMES or (change >= 100 and total < before):
        return f"{money(before, currency)} in {before_period}"
    if times >= MIN_TIMES:
        return f"{'more than ' if total % before else ''}{times} times as much as in {before_period}"
    if change == 0:
        return f"{'' if total == before else 'about '}as much as in {before_period}"
    return f"{change} % {'more' if total > before else 'less'} than in {before_period}"
