"""Django's SQLite backend, where writers of several processes queue: see `base.py`."""
