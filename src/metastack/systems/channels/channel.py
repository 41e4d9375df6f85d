"""What every model of a channel answers."""

from typing import Protocol

from jaxtyping import Array, Complex, Key


class Channel(Protocol):
    """Draws of the matrix from the elements of one end to those of the other.

    A matrix acts on columns, shape (to, from); its entries are field per field, so that their
    squared modulus is a power gain. The same key gives the same draws.
    """

    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """So many independent matrices."""
        ...
