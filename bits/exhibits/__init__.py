"""What the paper shows, as data: measures, exhibits and published values, held against each other.

Imports neither torch nor pandas, so that a workflow can read it at every start.
"""

from bits.config.declared import DeclarationError
from bits.exhibits.catalogue import Catalogue
from bits.exhibits.declarations import Declarations
from bits.exhibits.kinds.base import Exhibit
from bits.exhibits.load import load_declarations
from bits.exhibits.measures import Measure
from bits.exhibits.published import PublishedValue, PublishedValues

__all__ = [
    "Catalogue",
    "DeclarationError",
    "Declarations",
    "Exhibit",
    "Measure",
    "PublishedValue",
    "PublishedValues",
    "load_declarations",
]
