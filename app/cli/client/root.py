"""The group that all commands hang on."""

import click


@click.group(name="berth", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def berth() -> None:
    """The command line of Berth: machines, money, keys, apps, storage and team through its API."""
