"""How exhibits of each kind are filled and written. A file here that assigns RENDERER renders the kind of its name.

Beside it lies <name>.html.j2, the kind's HTML.
"""
