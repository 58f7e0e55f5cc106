"""The command line. Its options, their ranges and their help grow from the recipe's declarations."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from typing import NoReturn


def end_at_once(*_: object) -> NoReturn:
    """Ctrl+C while nothing has begun, or all has ended: an exception would be shown by whoever imports, or be lost there."""
    os.write(2, b"Interrupted.\n")
    os._exit(128 + signal.SIGINT)


BEFORE = signal.getsignal(signal.SIGINT)
if BEFORE is signal.default_int_handler and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, end_at_once)

try:
    os.getcwd()
except OSError:  # importing param would end in a traceback
    print("workbench: The folder that this shell stands in is gone; go to one that exists.", file=sys.stderr)
    sys.exit(2)

from workbench import terminal
from workbench.commands.parser import parser
from workbench.commands.train import trained_by
from workbench.commands.usage import INTERRUPTED, Usage
from workbench.home import NoHome
from workbench.runs.files import RunError
from workbench.training.recipe import RecipeError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 the training failed, 2 not possible as asked, 130 interrupted."""
    as_program = arguments is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    terminal.make_readable()
    try:
        code = run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except (Usage, RecipeError, RunError, NoHome) as problem:
        return complain(str(problem))
    except BrokenPipeError:  # the reader of `workbench runs | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        sentence = problem.strerror or str(problem)
        return complain(f"{problem.filename}: {sentence}." if problem.filename else sentence)
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "Interrupted.", file=sys.stderr)
        return INTERRUPTED
    finally:
        if as_program:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            signal.signal(signal.SIGINT, end_at_once)
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # all is said and done


def complain(sentence: str) -> int:
    print(f"workbench: {sentence}", file=sys.stderr)
    return 2


def run_command(arguments: list[str]) -> int:
    options, unknown = parser().parse_known_args(arguments)
    if unknown and (recipe_type := trained_by(options)) and unknown[0].startswith("--"):
        recipe_type.check(unknown[0][2:].split("=")[0].replace("-", "_"), "")
    if unknown:
        raise Usage(
            f"{unknown[0]!r} is not understood. `workbench {options.command or ''} --help` shows what is possible.".replace("  ", " ")
        )
    return options.do(options)


if signal.getsignal(signal.SIGINT) is end_at_once:
    signal.signal(signal.SIGINT, BEFORE)

if __name__ == "__main__":
    sys.exit(main())
