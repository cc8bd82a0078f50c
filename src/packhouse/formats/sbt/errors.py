"""How the sbt routes refuse: other bytes under a name that is taken are 409, with both digests."""

from packhouse.maven2.refusals import make_style

ERRORS = make_style({})
