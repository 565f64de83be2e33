"""Tests that run inside the commands house, over the database that DATABASE_URL names.

`tests/bff/commands/test_engine.py` starts them once for each database. They are not part of a plain run, because one
process has one settings module.
"""

import pytest


@pytest.fixture(autouse=True)
def _database(django_db_blocker):
    # Each test creates players of its own in one migrated database, so nothing has to be rolled back.
    with django_db_blocker.unblock():
        yield
