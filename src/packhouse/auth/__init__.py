"""Who is asking, for what, and whether they may."""
