"""The subjects: what is studied, the built-in ones, and the loader of people's own."""
