"""What stacks are used for: links, sum rates, channel estimation, classification.

Everything is loaded on first use, so that a link does not wait for what classification needs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
