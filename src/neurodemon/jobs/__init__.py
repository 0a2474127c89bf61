"""The hall: the only place where rooms meet; one file per use-case."""
