"""What the first request would otherwise pay for: routes, templates and locale data, about 150 ms of a 400 ms deadline.

Public: `warm`.
"""

from datetime import UTC, datetime
from pathlib import Path

from django.template.loader import get_template
from django.urls import get_resolver

from fragments.kit.formats import formats_for
from fragments.kit.house import KIT


def warm(folder: Path) -> None:
    """Load what the fragment in `folder` needs to answer. A template that does not compile stops the process here."""
    _ = get_resolver().url_patterns
    for root in (folder / "templates", KIT / "templates"):
        for path in root.rglob("*.html"):
            get_template(str(path.relative_to(root)))
    formats = formats_for("en-GB")
    formats.money(1, "EUR")
    formats.clock(datetime.now(UTC))
