"""How every command ends: with an exit code and, when it ends badly, one sentence. Nobody is shown a stack.

`BERTH_DEBUG=1` shows it. With `--json` the sentence is one JSON object, on the last line of standard error.
"""

import sys

from app.cli.client import streams
from app.cli.client.exits import Exit, Failure

TYPE_CHECKING = False  # that of `typing`: every command passes here, and most need nothing of it
if TYPE_CHECKING:
    from collections.abc import Callable


def ended(argv: list[str], work: "Callable[[list[str]], int]") -> int:
    """Run `work`; the exit code of the process."""
    try:
        streams.prepare()
        code = work(argv)
        streams.write("")  # what `print` has buffered reaches its end, or is said not to
        return code
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or int(Exit.OK)
        return report(Failure(str(error.code), Exit.UNEXPECTED), as_json=wants_json(argv))
    except BaseException as error:
        from app.cli.client.faults import failure_of, show_stack  # what it needs is slow to load

        show_stack(error)
        return report(failure_of(error), as_json=wants_json(argv))


def wants_json(argv: list[str]) -> bool:
    """Also where the words are wrong and nothing was read of them. What follows -- is somebody else's."""
    return "--json" in (argv[: argv.index("--")] if "--" in argv else argv)


def report(failure: Failure, *, as_json: bool) -> int:
    """Say how it ended; the exit code."""
    if failure.message:
        streams.say(streams.one_line(failure.details()) if as_json else failure.text(), err=True)
    return int(failure.exit_code)


def leave(code: int) -> None:
    """The last thing of a process: Python would complain itself about streams that are gone."""
    streams.settle()
    sys.exit(code)
