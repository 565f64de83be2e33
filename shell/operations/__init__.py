"""For operators: health, metrics, the status board, and `manage.py up`."""
