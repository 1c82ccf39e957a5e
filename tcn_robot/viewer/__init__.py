"""The page of a dataset: all views of an episode in step by their true times, and what was found.

`server.py` serves it, `folder.py` writes it as files; both fill one page with the same data.
"""
