"""Work off the request path, under a lease."""
