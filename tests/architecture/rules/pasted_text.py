"""A field of a page never cuts what is pasted into it: a browser does with `maxlength`, and says nothing.

Whoever takes the text refuses what is too long in words, with the text as it was typed (`app/shared/text.py`).
"""

import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/templates/**/*.html", "app/static/js/**/*.js")
CUTS = re.compile(r"maxlength", re.IGNORECASE)


def check(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        if CUTS.search(line):
            yield Finding(str(source.path), number, "maxlength cuts what is pasted, in silence")


FORM = "app/templates/releases/keys.html"
BAD = [
    (FORM, '<input name="name" maxlength="100">\n'),
    (FORM, '{{ ui.field("name", "Name", attrs={"maxlength": 100}) }}\n'),
    ("app/static/js/palette.js", "field.maxLength = 100;\n"),
]
GOOD = [(FORM, '<input name="name" minlength="3" required>\n')]
