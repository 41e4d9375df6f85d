"""What may stand in a file that describes the wires of a device. Lengths are in wavelengths."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, FiniteFloat

from .sections import Pair, Section

# Beyond these nothing is 'a little out of place', which is what the model is for.
_MOST_SHIFT, _MOST_TURN_DEG = 0.25, 20.0

Length: TypeAlias = Annotated[FiniteFloat, Field(gt=0, le=10)]
Shift: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=_MOST_SHIFT)]
Lines: TypeAlias = Annotated[int, Field(ge=2, le=400)]


class PositionsSection(Section):
    """Positions in metres: an array of a file beside this one, or a .csv with x_m, y_m, z_m."""

    file: str
    name: str = "port_position_m"


class PortsSection(Section):
    """Where every port of the network is, in its order."""

    positions: PositionsSection


class ElementsSection(Section):
    """Wires with a port in the middle, all along one direction."""

    direction: Annotated[list[FiniteFloat], Field(min_length=3, max_length=3)]
    length_wavelengths: Length
    radius_wavelengths: Length
    segments: Annotated[int, Field(ge=2, le=1000, multiple_of=2)] = 16


class ScreenSection(Section):
    """A grid of wires half-way between both sides of every layer: across, and along its wires."""

    size_wavelengths: Pair
    lines: Annotated[list[Lines], Field(min_length=2, max_length=2)]
    radius_wavelengths: Length | None = None


class ToleranceSection(Section):
    """How far out of place at most, uniformly distributed."""

    axial_wavelengths: Shift = 0.0
    vertical_wavelengths: Shift = 0.0
    lateral_wavelengths: Shift = 0.0
    rotation_deg: Annotated[FiniteFloat, Field(ge=0, le=_MOST_TURN_DEG)] = 0.0


class WiresSection(Section):
    """A whole file of wires."""

    needs: ClassVar = {"screen_tolerance": ("screen",)}
    ports: PortsSection
    elements: ElementsSection
    screen: ScreenSection | None = None
    tolerance: ToleranceSection
    screen_tolerance: ToleranceSection | None = None
