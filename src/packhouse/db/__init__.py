"""The database: tables once for both dialects, queries by noun; rows in, rows out, no business rule."""
