"""Git repositories that projects host: read through a library, served by the `git` program."""
