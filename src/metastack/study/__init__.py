"""Studies: computations over parameters that end in a figure and the data behind it.

Everything is loaded on first use, so that a process that computes units imports what they need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
