"""A house's `[[prepare]]` steps, one after the other in one process: Django is set up once for all of them.

A program of its own (`python prepare.py '[["migrate", "--noinput"], ["seed"]]'`), run in the repository with the
house's environment. Ends with the code of the first step that fails.
"""

import json
import os
import sys


def main() -> None:
    # Python put this file's folder first; what `manage.py` sees is the repository.
    sys.path[0] = os.getcwd()
    from django.core.management import execute_from_command_line

    for step in json.loads(sys.argv[1]):
        try:
            execute_from_command_line(["manage.py", *step])
        except SystemExit as end:
            if end.code:
                print(f"'manage.py {' '.join(step)}' failed", file=sys.stderr)
                raise


if __name__ == "__main__":
    main()
