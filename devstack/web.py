"""The web process of a development stack: the product's, and `/_design`. Everything else is as `berth web` has it."""

import sys

from app.cli.exit_code import ended, leave
from app.cli.server import serve
from app.registry import DOMAINS
from devstack.design.page import DESIGN


def main(_words: list[str]) -> int:
    """Answers until told to end."""
    return serve((*DOMAINS, DESIGN))


if __name__ == "__main__":
    leave(ended(sys.argv[1:], main))
