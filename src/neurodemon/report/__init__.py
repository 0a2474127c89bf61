"""THE PRINTER: what demons did, to be read by others: a page (`html`), figures (`figures`).

Only `figures` knows matplotlib. The page draws its own, so that every install can write one.
"""
