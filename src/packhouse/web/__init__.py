"""HTTP at the edge: match, call, answer, failure; the server that carries it."""
