"""Pictures and films of embeddings, drawn from arrays: one file per kind of picture.

What is embedded, and from which films, is settled elsewhere; here come numpy arrays in, and figures
or frames of films out.
"""
