"""Rewrites the assertions of all tests once, before the processes of a run begin.

Public: `rewrite`.

pytest rewrites a file when it imports it, and keeps the result beside it. In a new clone four processes import the same
files at the same time, and each would rewrite all of them, which is half of what collecting costs.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.assertion import rewrite as of_pytest
from _pytest.assertion.rewrite import assertstate_key


def rewrite(files: Iterable[Path], config: pytest.Config) -> int:
    """Rewrite those of `files` that are not yet, as pytest would; how many they were."""
    state = config.stash[assertstate_key]
    rewritten = 0
    for file in files:
        cached = of_pytest.get_cache_dir(file) / (file.stem + of_pytest.PYC_TAIL)
        if of_pytest._read_pyc(file, cached) is not None or not of_pytest.try_makedirs(cached.parent):
            continue
        try:
            source_hash, code = of_pytest._rewrite_test(file, config)
        except (SyntaxError, ValueError):  # who collects the file says what is wrong with it
            continue
        rewritten += of_pytest._write_pyc(state, code, source_hash, cached)
    return rewritten
