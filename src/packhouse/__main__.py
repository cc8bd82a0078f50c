"""`python -m packhouse` is the command line."""

import sys


def main() -> None:
    """The command; `serve` is started without importing the rest of the command line."""
    if sys.argv[1:] == ["serve"]:
        from packhouse.launch import serve

        serve()
    from packhouse.cli import app

    app()


if __name__ == "__main__":
    main()
