"""The group that all commands hang on."""

import click

from app.shared.buildinfo import BUILD


@click.group(name="berth", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(BUILD.version, "-V", "--version", message=f"berth %(version)s ({BUILD.commit})")
def berth() -> None:
    """The command line of Berth: machines, money, keys, apps, storage and team through its API."""
