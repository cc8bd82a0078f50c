"""`python -m packhouse` is the command line."""

import sys

from packhouse.errors import RegistryError
from packhouse.launch import COULD_NOT_RUN, fail, serve


def main() -> None:
    """The command; `serve` is started without importing the rest of the command line."""
    try:
        if sys.argv[1:] == ["serve"]:
            serve()
        from packhouse.cli import app

        app()
    except RegistryError as error:
        fail(error.message, COULD_NOT_RUN)


if __name__ == "__main__":
    main()
