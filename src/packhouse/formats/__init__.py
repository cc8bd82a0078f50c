"""The formats this house knows: the one line that a new one adds."""

from packhouse.formats import composer, conan, container, generic, go, maven, npm, nuget, pypi

FORMATS = (generic.FORMAT, pypi.FORMAT, npm.FORMAT, maven.FORMAT, container.FORMAT, nuget.FORMAT, conan.FORMAT, go.FORMAT, composer.FORMAT)
