"""docs/settings.md: every variable, what production asks of it, and the exceptions."""

from app.settings.table import OVERRIDES, SETTINGS
from devstack.docs.markdown import page, table

READ_ONCE = """
Every process reads them once, from its environment, and refuses to start with one that cannot be used: it names all of
them at once, never a value. A variable that is empty counts as not set; spaces around a value, invisible characters and
values that stand twice in a list are refused. `berth settings` checks an environment without starting anything; with
`--ask` it asks the services too.
"""
IN_PRODUCTION = """
`BERTH_ENV` is `production` unless it is set. Beyond the last column of the table:

- `BERTH_APPS_URL` is set, on another registrable domain than `BERTH_PUBLIC_URL` (by the public suffix list, so that
  `cloud.co.uk` and `apps.co.uk` are two); no other address lies below it, and the files' host is not the portal's.
- No secret stands in two settings, passwords inside addresses included.
- `BERTH_TEMPORAL_TLS` is `yes` where Temporal has a public name.
- The services are asked at the start, and again until they answer (`/readyz` is not ready before database and Valkey
  have): the database's role owns nothing, is no superuser and may change neither ledger nor audit; database, Valkey and
  NATS refuse whoever has no password, and the bucket whoever has no key; the two keys in `BERTH_PKI_DIR` differ and are
  nobody else's to read or write.

`development` lets people sign in without a password: it is refused where `BERTH_PUBLIC_URL` is a public name, and where
`BERTH_HOST` is not of this computer alone.
"""
EXCEPTIONS = """
What production refuses may be right in one place. `BERTH_ALLOW` names it; a name that is not in this table is refused.
Each is logged at every start and shown to operators on the System page. What stands in no row cannot be let pass.
"""


def settings_page() -> str:
    """Every variable, and the exceptions from what production asks."""
    rows = [
        (
            f"`{setting.name}`",
            "yes" if setting.needed else "",
            f"as `{setting.like.name}`" if setting.like else f"`{setting.default}`" if setting.default else "",
            setting.meaning,
            setting.kind.says,
            setting.kind.wants,
        )
        for setting in SETTINGS.values()
    ]
    return page(
        "Settings",
        READ_ONCE,
        table(("variable", "needed", "default", "meaning", "form", "production also asks"), rows),
        "## Production",
        IN_PRODUCTION,
        "## Exceptions",
        EXCEPTIONS,
        table(("name", "says that"), [(f"`{name}`", meaning) for name, meaning in OVERRIDES.items()]),
    )
