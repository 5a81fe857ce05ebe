"""What the paper shows, as data: measures, exhibits and published values, held against each other.

Imports neither torch nor pandas, so that a workflow can read it at every start.
"""

from bits.config.declared import DeclarationError
from bits.exhibits.declarations import Declarations, load_declarations
from bits.exhibits.kinds import Embedding, Exhibit, Gallery, Grid, Lines
from bits.exhibits.measures import Measure
from bits.exhibits.published import PublishedValue, PublishedValues

__all__ = [
    "DeclarationError",
    "Declarations",
    "Embedding",
    "Exhibit",
    "Gallery",
    "Grid",
    "Lines",
    "Measure",
    "PublishedValue",
    "PublishedValues",
    "load_declarations",
]
