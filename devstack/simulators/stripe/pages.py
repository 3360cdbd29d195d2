"""The HTML of the simulated Checkout: plain forms, one style sheet, no script. Everything variable is escaped."""

from html import escape

import msgspec

from devstack.simulators.stripe.models import Session

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£"}


class Typed(msgspec.Struct, frozen=True):
    """What the buyer typed, shown again after a mistake. The CVC never is."""

    email: str = ""
    card_number: str = ""
    expiry: str = ""
    name: str = ""


def money(amount: int, currency: str) -> str:
    """`$50.00` from 5000 minor units of `usd`."""
    return f"{_SYMBOLS.get(currency, currency.upper() + ' ')}{amount // 100:,}.{amount % 100:02d}"


def form(session: Session, typed: Typed, problems: dict[str, str], problem: str | None) -> str:
    """The payment form. `problems` are per field, `problem` is about the payment as a whole."""
    total = money(session.total, session.currency)
    rows = "".join(
        f"<li><span>{escape(item.name)}{f' × {item.quantity}' if item.quantity > 1 else ''}"
        f"{f'<small>{escape(item.description)}</small>' if item.description else ''}</span>"
        f"<span>{money(item.total, session.currency)}</span></li>"
        for item in session.line_items
    )
    back = f'<a class="back" href="{escape(session.cancel_url)}">← Back</a>' if session.cancel_url else ""
    alert = f'<p class="alert" role="alert">{escape(problem)}</p>' if problem else ""
    email = _field("email", "Email", session.email or typed.email, problems, "email", fixed=session.email is not None)
    number = _field("card_number", "Card number", typed.card_number, problems, "cc-number", "1234 1234 1234 1234")
    expiry = _field("expiry", "Expiry (MM / YY)", typed.expiry, problems, "cc-exp", "MM / YY")
    cvc = _field("cvc", "CVC", "", problems, "cc-csc", "CVC")
    name = _field("name", "Name on card", typed.name, problems, "cc-name")
    return _layout(
        f"Pay {total}",
        f"""{back}
<section class="summary"><h1>{total}</h1><ul>{rows}</ul></section>
<form method="post" action="/c/pay/{escape(session.id)}" autocomplete="off" novalidate>
{alert}{email}{number}<div class="pair">{expiry}{cvc}</div>{name}
<button type="submit">Pay {total}</button>
</form>""",
    )


def challenge(session: Session, last4: str) -> str:
    """The bank's 3-D Secure page."""
    total = money(session.total, session.currency)
    return _layout(
        "3-D Secure",
        f"""<h1>Confirm the payment with your bank</h1>
<p>{total} with the card ending in {escape(last4)}. This page stands for the bank's.</p>
<form method="post" action="/c/pay/{escape(session.id)}/authenticate">
<button type="submit" name="answer" value="complete">Complete</button>
<button type="submit" name="answer" value="fail" class="quiet">Fail</button>
</form>""",
    )


def message(title: str, text: str, link: tuple[str, str] | None) -> str:
    """A page that only says something. `link` = (label, address)."""
    way_on = f'<p><a href="{escape(link[1])}">{escape(link[0])}</a></p>' if link else ""
    return _layout(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{way_on}")


def _field(
    name: str,
    label: str,
    value: str,
    problems: dict[str, str],
    autocomplete: str,
    placeholder: str = "",
    *,
    fixed: bool = False,
) -> str:
    problem = problems.get(name)
    mode = ' inputmode="numeric"' if name in {"card_number", "expiry", "cvc"} else ""
    wrong = f' aria-invalid="true" aria-describedby="{name}-problem"' if problem else ""
    hint = f' placeholder="{escape(placeholder)}"' if placeholder else ""
    told = f'<span class="problem" id="{name}-problem">{escape(problem)}</span>' if problem else ""
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}" autocomplete="{autocomplete}"'
        f"{mode}{wrong}{hint}{' readonly' if fixed else ''}>{told}</div>"
    )


def _layout(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)} · simulated Checkout</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/checkout.css"></head>
<body><main><p class="test">Test mode · simulated Checkout</p>
{body}
</main></body></html>
"""


STYLE = """
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1a1f36; background: #f6f8fa; }
body { margin: 0; }
main { box-sizing: border-box; max-width: 27rem; margin: 2rem auto; padding: 1.5rem; background: #fff;
  border: 1px solid #e3e8ee; border-radius: .75rem; }
.test { margin: 0 0 1rem; display: inline-block; padding: 0 .5rem; border-radius: .25rem; background: #fcecc9;
  color: #6b3d00; font-size: .8125rem; }
.back { float: right; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
ul { list-style: none; margin: 0 0 1.25rem; padding: 0; }
li { display: flex; justify-content: space-between; gap: 1rem; overflow-wrap: anywhere; }
small { display: block; color: #5a6472; }
.field { margin-bottom: .875rem; }
label { display: block; font-size: .875rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .55rem .65rem; font: inherit; border: 1px solid #8792a2;
  border-radius: .375rem; background: #fff; color: inherit; }
input[readonly] { background: #f6f8fa; color: #4a5361; }
input[aria-invalid] { border-color: #b3093c; }
.problem { color: #b3093c; font-size: .875rem; }
.alert { margin: 0 0 1rem; padding: .55rem .75rem; border-radius: .375rem; background: #fde8ee; color: #8a0a30; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; border: 0; border-radius: .375rem;
  background: #0a5bd3; color: #fff; cursor: pointer; margin-top: .25rem; }
button.quiet { background: #e3e8ee; color: #1a1f36; }
a { color: #0a4fb8; }
:focus-visible { outline: 3px solid #7fb1ff; outline-offset: 1px; }
@media (max-width: 30rem) { main { margin: 0; border: 0; border-radius: 0; } }
""".strip()
