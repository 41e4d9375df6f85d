"""metastack: design, calibrate and use stacked intelligent metasurfaces.

The public names are listed in `__init__.pyi` and loaded when they are first used, so that
`import metastack` and `metastack --help` are instant.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
