"""How much a long history slows things down: the same calls beside little and beside much of it."""
