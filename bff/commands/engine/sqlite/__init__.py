"""Django's SQLite backend, with writers of several processes who take turns: see `base.py`."""
