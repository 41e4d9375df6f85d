"""Files that metastack reads and writes: stacks, designs, responses, recordings, codes.

Everything is loaded on first use, so that importing this package costs nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
