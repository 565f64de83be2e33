"""Copies of the preloaded process are processes like any other, but for what they have imported from others."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import preloaded
from tests.support.preloaded import OWN, PreloadedProcess

SLEEP = ("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)")


@pytest.fixture
def sleeper() -> Iterator[PreloadedProcess]:
    process = preloaded.start(*SLEEP, env=os.environ)
    yield process
    process.kill()


def output_of(code: str, **environ: str) -> str:
    """What a copy prints that runs `code`."""
    return preloaded.run("timeit", "-n", "1", "-r", "1", code, env=environ).stdout.partition("\n")[0]


def test_a_copy_has_imported_nothing_of_the_repository() -> None:
    """Its houses read their own code, settings and environment."""
    assert output_of(f"import sys; print({OWN} & {{name.partition('.')[0] for name in sys.modules}})") == "set()"
    assert output_of("import sys; print('django.core.handlers.asgi' in sys.modules)") == "True"


def test_a_copy_has_the_environment_that_it_is_given_and_no_other() -> None:
    assert output_of("import os; print(os.environ['ONE'], 'PATH' in os.environ)", ONE="1") == "1 False"


def test_what_a_module_says_and_how_it_ends_is_what_python_would_say() -> None:
    """Output, errors and exit code, also of a module that is not there."""
    for words in (["timeit", "-x"], ["platform"], ["no_such_module_anywhere"]):
        expected = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
        found = preloaded.run(*words, env=os.environ)
        assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
        assert (
            found.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:] or words[0] == "no_such_module_anywhere"
        )


def test_a_copy_is_killed_and_waited_for_by_its_id(sleeper: PreloadedProcess) -> None:
    """It runs until then; afterwards its end is known for good, and nothing else is hit."""
    assert sleeper.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        sleeper.wait(0.05)
    os.kill(sleeper.pid, signal.SIGKILL)
    assert sleeper.wait(5) == sleeper.poll() == -signal.SIGKILL
    sleeper.send_signal(signal.SIGTERM)


def test_a_copys_collector_passes_over_what_it_began_with() -> None:
    """To go through all of that at its end alone costs a copy more than most of them do."""
    assert int(output_of("import gc; print(gc.get_freeze_count())")) > 10_000


def test_copies_are_single_threaded_when_they_begin() -> None:
    """What is preloaded starts no thread, which a fork would lose."""
    assert (
        output_of("import os; print(len(os.listdir('/proc/self/task')) if os.path.exists('/proc/self') else 1)") == "1"
    )
