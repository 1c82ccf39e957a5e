"""One self-contained page about a run: evidence from disk, figures, films, HTML.

`gather_*` read what lies on disk into the dataclasses of `evidence`, `figures_*` and `films` turn
those into pictures, `sections` puts words around them and `page` writes the file.
"""
