"""What to say of a module that the program imports and its interpreter does not have."""

from __future__ import annotations

import sys

PACKAGES = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Modules that are not called like the package that brings them."""


def reason(name: str) -> str:
    """The sentence for the missing module `name`, and the way out."""
    top = name.partition(".")[0]
    found = sys.modules.get(top)
    if top != name and "site-packages" in (getattr(found, "__file__", None) or ""):
        version = getattr(found, "__version__", "")
        installed = f"{top} {version}" if isinstance(version, str) and version else top
        return (
            f"There is no module {name!r} in the installed {installed}: the program was written for another version."
            " --python names an interpreter that has it."
        )
    package = PACKAGES.get(top, top)
    return (
        f"The module {name!r} is missing in the interpreter that runs the program;"
        f" install it there (pip install {package}), or put it beside the program if it is your own."
    )
