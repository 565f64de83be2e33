"""Manifests held against Kubernetes' own schemas, of which each file is read once in a process.

Public: `validate`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from kubernetes_validate import utils

# A pod's definitions are a megabyte of JSON, which the library reads anew for every document.
utils.schema_contents = cache(utils.schema_contents)
VERSION = "1.33"


def validate(document: Mapping[str, Any]) -> None:
    """Raises `kubernetes_validate.ValidationError` for an unknown field too."""
    utils.validate(document, VERSION, strict=True)
