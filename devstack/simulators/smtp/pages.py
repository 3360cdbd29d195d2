"""The pages of the development inbox: a list and one mail. The mail's HTML is shown in a sandboxed frame."""

import time
from collections.abc import Iterable
from html import escape

from devstack.simulators.smtp.models import Mail


def inbox(mails: Iterable[Mail], to: str) -> str:
    """All mails, newest first; `to` narrows the list to one address."""
    rows = "".join(
        f'<tr><td><a href="/mail/{mail.id}">{escape(mail.header("subject") or "(no subject)")}</a></td>'
        f"<td>{escape(', '.join(mail.recipients))}</td><td>{_clock(mail)}</td></tr>"
        for mail in mails
    )
    table = f"<table><thead><tr><th>Subject</th><th>To</th><th>Came</th></tr></thead><tbody>{rows}</tbody></table>"
    empty = "<p>No mail yet. What Berth sends on this computer arrives here and goes nowhere else.</p>"
    return _layout(
        "Development inbox",
        f"""<h1>Development inbox</h1>
<form method="get" action="/"><label for="to">Only to</label>
<input id="to" name="to" type="search" value="{escape(to)}"><button>Show</button></form>
{table if rows else empty}
<form method="post" action="/clear"><button class="quiet">Throw all away</button></form>""",
    )


def mail(one: Mail) -> str:
    """One mail: headers, HTML in a frame that can run nothing, text, and the way to the raw bytes."""
    names = ("From", "To", "Date", "Message-ID", "List-Unsubscribe")
    facts = "".join(
        f"<dt>{name}</dt><dd>{escape(one.header(name))}</dd>" for name in names if one.message().get(name) is not None
    )
    frame = (
        f'<iframe sandbox="" title="The mail as HTML" src="/mail/{one.id}/html"></iframe>'
        if one.part("html") is not None
        else "<p>This mail has no HTML.</p>"
    )
    return _layout(
        one.header("subject"),
        f"""<p><a href="/">All mail</a></p><h1>{escape(one.header("subject") or "(no subject)")}</h1>
<dl>{facts}</dl>{frame}
<h2>Text</h2><pre>{escape(one.part("plain") or "This mail has no text.")}</pre>
<p><a href="/mail/{one.id}/raw">Raw</a></p>""",
    )


def _clock(one: Mail) -> str:
    return time.strftime("%d %b %H:%M:%S", time.localtime(one.received_at))


def _layout(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)} · development inbox</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/inbox.css"></head>
<body><main>
{body}
</main></body></html>
"""


STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; color: #1c2430; background: #f3f4f6; }
main { box-sizing: border-box; max-width: 60rem; margin: 2rem auto; padding: 1.5rem; background: #fff;
  border: 1px solid #d9dde3; border-radius: .75rem; }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; overflow-wrap: anywhere; }
h2 { margin: 1.25rem 0 .5rem; font-size: 1rem; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .5rem; text-align: left; border-bottom: 1px solid #d9dde3; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .125rem 1rem; margin: 0 0 1rem; }
dt { color: #4d5766; } dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 32rem; border: 1px solid #8a93a1; border-radius: .5rem; background: #fff; }
pre { padding: .75rem; background: #f3f4f6; border-radius: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
form { display: flex; gap: .5rem; align-items: center; }
button, input { padding: .35rem .65rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid #8a93a1; border-radius: .5rem; }
button.quiet { border-color: transparent; text-decoration: underline; }
a { color: #1f5fc4; }
:focus-visible { outline: 3px solid #6aa2ff; outline-offset: 1px; }
@media (max-width: 30rem) { main { margin: 0; border: 0; border-radius: 0; padding: 1rem; } }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ee; background: #11151b; }
  main { background: #1a2028; border-color: #313a46; }
  th, td { border-color: #313a46; } dt { color: #a9b3c1; } pre { background: #11151b; } a { color: #8ab4ff; }
}
""".strip()
