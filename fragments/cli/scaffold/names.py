"""The grammar of fragments' names.

Public: `check_name`, `NameRefused`, `package_of`, `title_of`.
"""

import keyword
import re
import sys

PATTERN = "^[a-z][a-z0-9-]{0,62}$"  # as manifests and `house.toml` want it
# Python imports these from the kit's wheel, and would find the fragment's folder first.
_OF_THE_KIT = {"babel", "bff", "cryptography", "django", "fragments", "h11", "httptools", "jwt", "msgspec", "mullion"}
_OF_THE_KIT |= {"prometheus-client", "pyreqwest", "structlog", "uvicorn", "uvloop", "websockets"}
_OF_TESTS = {"fixtures", "pytest", "tests", "wheels"}


class NameRefused(Exception):
    """One sentence: what is wrong with the name, and what would do."""


def check_name(name: str) -> None:
    """Raises `NameRefused`."""
    if not re.fullmatch(PATTERN, name):
        raise NameRefused(
            f"{name!r} can not be a fragment's name: begin with a lower-case letter, and go on with lower-case "
            "letters, digits and dashes, 63 in all, such as daily-quiz."
        )
    package = package_of(name)
    if keyword.iskeyword(package) or package in sys.stdlib_module_names or name in _OF_THE_KIT | _OF_TESTS:
        raise NameRefused(f"{name!r} is a word that Python or the kit imports already; add one of yours: {name}-poll.")


def package_of(name: str) -> str:
    """The Python package: `daily_quiz`."""
    return name.replace("-", "_")


def title_of(name: str) -> str:
    """For people: `Daily quiz`."""
    return name.replace("-", " ").strip().capitalize()
