"""What operators need of the shell: health, metrics, the status board, and `manage.py up`."""
