"""Maven's repository layout, which two formats speak: its paths, POMs and metadata, and the handlers over them. Pure but for `serving`."""
