"""`python -m packhouse` is the command line."""

import sys


def main() -> None:
    """The command; `serve` is started without importing the rest of the command line."""
    from packhouse.errors import RegistryError
    from packhouse.launch import COULD_NOT_RUN, fail

    try:
        _run()
    except RegistryError as error:
        fail(error.message, COULD_NOT_RUN)


def _run() -> None:
    if sys.argv[1:] == ["serve"]:
        from packhouse.launch import serve

        serve()
    from packhouse.cli import app

    app()


if __name__ == "__main__":
    main()
