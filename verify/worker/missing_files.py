"""What to say of a file that the program opens and that is not there."""

from __future__ import annotations

import re

_NAME = re.compile(r"\bname = '([^']+)'|: '?([\w./\\-]+\.\w+)'?$")
"""How HDF5, and most others, name the file in the text of the exception."""


def reason(error: OSError) -> str:
    """The sentence for the exception, and the way out. What libraries raise has the name in its text alone."""
    text = " ".join(str(error).split())
    found = _NAME.search(text)
    name = error.filename or (found and (found[1] or found[2]))
    what = f"The file {name!r}" if name else f"A file ({text[:300].rstrip('.')})"
    return f"{what} is missing; put it beside the program, or name another in [tool.regrad.verify.data]."
