"""The HTML of the simulated provider: plain forms, one style sheet, no script. Everything variable is escaped."""

from html import escape

from devstack.simulators.oidc.models import NAMED_PEOPLE, Person


def sign_in(query: str, hint: str, problem: str | None) -> str:
    """Who signs in? `query` is the authorization request, repeated by the forms; `hint` puts a person first."""
    action = escape(f"/authorize?{query}")
    wanted = hint.strip().casefold()
    people = sorted(NAMED_PEOPLE, key=lambda person: wanted not in (person.id, person.email))
    buttons = "".join(_button(person, chosen=wanted in (person.id, person.email)) for person in people)
    alert = f'<p class="alert" role="alert">{escape(problem)}</p>' if problem else ""
    known = any(wanted in (person.id, person.email) for person in NAMED_PEOPLE)
    email = "" if known or "@" not in wanted else escape(hint.strip())
    return _layout(
        "Sign in",
        f"""<h1>Sign in</h1>
<p>This is a simulated identity provider for development. Choose who you are; there is no password.</p>
<form method="post" action="{action}"><div class="people">{buttons}</div></form>
<h2>Someone else</h2>{alert}
<form method="post" action="{action}">
<label for="name">Name</label><input id="name" name="name" autocomplete="off" required>
<label for="email">E-mail</label>
<input id="email" name="email" type="email" value="{email}" autocomplete="off" required>
<label class="check"><input type="checkbox" name="unverified" value="yes"> The e-mail is not verified</label>
<button type="submit" class="primary">Sign in as this person</button>
</form>
<form method="post" action="{action}">
<button type="submit" name="answer" value="cancel" class="quiet">Cancel</button>
</form>
""",
    )


def sign_out(query: str) -> str:
    """Who asks without an ID token may be anybody, so the person is asked."""
    return _layout(
        "Sign out",
        f"""<h1>Sign out</h1>
<p>This is a simulated identity provider for development. Do you want to sign out here too?</p>
<form method="post" action="{escape(f"/end_session?{query}")}">
<button type="submit" class="primary">Sign out</button>
</form>
""",
    )


def message(title: str, text: str) -> str:
    """A page that only says something."""
    return _layout(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p><p>Simulated identity provider.</p>")


def _button(person: Person, *, chosen: bool) -> str:
    note = "" if person.email_verified else " · not verified"
    return (
        f'<button type="submit" name="sub" value="{escape(person.id)}"{" autofocus" if chosen else ""}'
        f"{' class=chosen' if chosen else ''}><strong>{escape(person.name)}</strong>"
        f"<span>{escape(person.email)}{note}</span></button>"
    )


def _layout(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)} · simulated identity provider</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/sign-in.css"></head>
<body><main>
{body}
</main></body></html>
"""


STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; color: #1c2430; background: #f3f4f6; }
main { box-sizing: border-box; max-width: 26rem; margin: 3rem auto; padding: 1.5rem; background: #fff;
  border: 1px solid #d9dde3; border-radius: .75rem; }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
p { margin: 0 0 1rem; }
.people { display: grid; gap: .5rem; }
button { box-sizing: border-box; width: 100%; padding: .6rem .75rem; font: inherit; text-align: left; cursor: pointer;
  color: inherit; background: transparent; border: 1px solid #8a93a1; border-radius: .5rem; }
button:hover, button.chosen { background: #eaf1fd; border-color: #1f5fc4; }
button span { display: block; font-size: .875rem; color: #4d5766; overflow-wrap: anywhere; }
button.primary { margin-top: .75rem; text-align: center; font-weight: 600; color: #fff; background: #1f5fc4;
  border-color: #1f5fc4; }
button.quiet { margin-top: .75rem; text-align: center; border-color: transparent; text-decoration: underline; }
label { display: block; margin-top: .625rem; font-size: .875rem; font-weight: 600; }
label.check { font-weight: 400; }
input:not([type=checkbox]) { box-sizing: border-box; width: 100%; padding: .55rem .65rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid #8a93a1; border-radius: .5rem; }
.alert { padding: .5rem .75rem; border-radius: .5rem; background: #fde8ea; color: #8c1024; }
:focus-visible { outline: 3px solid #6aa2ff; outline-offset: 1px; }
@media (max-width: 30rem) { main { margin: 0; border: 0; border-radius: 0; min-height: 100vh; } }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ee; background: #11151b; }
  main { background: #1a2028; border-color: #313a46; }
  button span { color: #a9b3c1; }
  button:hover, button.chosen { background: #22324b; border-color: #6aa2ff; }
}
""".strip()
