"""Warm-up at start: loads routes, templates and locale data, which would take the first request about 150 ms of a 400
ms deadline.

Public: `warm`.
"""

from datetime import UTC, datetime
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.urls import get_resolver

from fragments.kit.formats import formats_for
from fragments.kit.house import KIT


def warm(folder: Path) -> None:
    """Load what the fragment in `folder` needs to answer. A template that does not compile stops the process here.

    Raises `ImproperlyConfigured` with the template's path, the line and what is wrong.
    """
    _ = get_resolver().url_patterns
    for root in (folder / "templates", KIT / "templates"):
        for path in root.rglob("*.html"):
            _compile(path, root)
    formats = formats_for("en-GB")
    formats.money(1, "EUR")
    formats.clock(datetime.now(UTC))


def _compile(path: Path, root: Path) -> None:
    try:
        get_template(str(path.relative_to(root)))
    except TemplateSyntaxError as error:
        line = getattr(getattr(error, "token", None), "lineno", None)
        where = f"{path}, line {line}" if line else f"{path}"
        raise ImproperlyConfigured(f"{where}: {error}") from error
    except TemplateDoesNotExist as error:
        raise ImproperlyConfigured(f"{path} names a template that is not there: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} can not be read: {error}") from error
