"""What every test may ask for; the fixtures themselves are in support/."""

from hypothesis import settings

pytest_plugins = ["stand", "postgres", "programs"]

settings.register_profile("quick", max_examples=10, deadline=None)
