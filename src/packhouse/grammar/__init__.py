"""Small languages that two or more formats speak. Pure."""
