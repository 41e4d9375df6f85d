"""Sweeps: the same question at many points, over grids, lists, random draws or a search."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
