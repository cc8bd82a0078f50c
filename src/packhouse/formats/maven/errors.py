"""How the Maven routes refuse: a duplicate is 400, as in GitLab."""

from packhouse.errors import AlreadyExists
from packhouse.maven2.refusals import make_style

ERRORS = make_style({AlreadyExists: 400})
