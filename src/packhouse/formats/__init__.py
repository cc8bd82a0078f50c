"""The formats this house knows: the one line that a new one adds."""

from packhouse.formats import cargo, composer, conan, container, debian, generic, go, maven, npm, nuget, pypi

FORMATS = (
    generic.FORMAT, pypi.FORMAT, npm.FORMAT, maven.FORMAT, container.FORMAT, nuget.FORMAT, conan.FORMAT, go.FORMAT, composer.FORMAT, cargo.FORMAT,
    debian.FORMAT,
)  # fmt: skip
