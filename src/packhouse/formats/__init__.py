"""The formats this house knows: the one line that a new one adds."""

from packhouse.formats import container, generic, npm, pypi

FORMATS = (generic.FORMAT, pypi.FORMAT, npm.FORMAT, container.FORMAT)
