"""What may stand in a stack file, section by section.

Every section is strict: no unknown key, no text where a number belongs, no NaN. Lengths may be
given in metres or in wavelengths, angles in degrees or radians, and never in both.
"""

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

Positive: TypeAlias = Annotated[FiniteFloat, Field(gt=0)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Index: TypeAlias = Annotated[int, Field(ge=0)]
Decibels: TypeAlias = Annotated[FiniteFloat, Field(ge=-200, le=200)]
Shift: TypeAlias = Annotated[FiniteFloat, Field(ge=-4096, le=4096)]

MOST_EXPONENT = 1000
# In wavelengths: a wire of one whole wavelength has no current at its feed.
MOST_LENGTH = 0.7


def _both_axes(value: Any) -> Any:
    """One number stands for x and y."""
    return [value, value] if isinstance(value, int | float) else value


Pair: TypeAlias = Annotated[
    list[Positive], Field(min_length=2, max_length=2), BeforeValidator(_both_axes)
]


class Section(BaseModel):
    """A table of the stack file.

    Of each group in `exactly_one` one key must be given, of each in `at_most_one` one may be;
    a key of `needs` is of use only with the others that it lists.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    needs: ClassVar[dict[str, tuple[str, ...]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _every_key_is_known(cls, data: Any) -> Any:
        unknown = [key for key in data if key not in cls.model_fields] if _is_table(data) else []
        for key in unknown:
            near = get_close_matches(key, cls.model_fields, n=1)
            known = ", ".join(f"`{field}`" for field in cls.model_fields)
            advice = f"did you mean `{near[0]}`?" if near else f"known keys are {known}"
            raise PydanticCustomError("unknown_key", "", {"key": key, "advice": advice})
        return data

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Section":
        given = self.model_fields_set
        for groups, least in ((self.exactly_one, 1), (self.at_most_one, 0)):
            for group in groups:
                _check_choice([key for key in group if key in given], group, least)
        for key in given & self.needs.keys():
            for other in self.needs[key]:
                if other not in given:
                    raise PydanticCustomError(
                        "section", "", {"rule": f"must have `{other}` with `{key}`, but has not"}
                    )
        return self


def _is_table(data: Any) -> bool:
    return isinstance(data, dict)


def _check_choice(given: list[str], group: tuple[str, ...], least: int) -> None:
    if least <= len(given) <= 1:
        return
    amount = "exactly one" if least else "at most one"
    seen = ", ".join(f"`{key}`" for key in given) or "none"
    names = ", ".join(f"`{key}`" for key in group)
    raise PydanticCustomError(
        "section", "", {"rule": f"must have {amount} of {names}, but has {seen}"}
    )


class ArraySection(Section):
    """A rectangular grid of elements."""

    exactly_one = (("spacing_m", "spacing_wavelengths"),)
    at_most_one = (("rotation_deg", "rotation_rad"),)
    columns: Count
    rows: Count
    spacing_m: Pair | None = None
    spacing_wavelengths: Pair | None = None
    rotation_deg: FiniteFloat = 0.0
    rotation_rad: FiniteFloat = 0.0


class LayersSection(ArraySection):
    """The programmable layers, which share one grid."""

    count: Annotated[int, Field(ge=1, le=1000)]


class GapsSection(Section):
    """Equal gaps of thickness / layers, L + 1 of them, as in the DOA paper."""

    exactly_one = (("thickness_m", "thickness_wavelengths"),)
    thickness_m: Positive | None = None
    thickness_wavelengths: Positive | None = None


class RayleighSommerfeldSection(Section):
    """The DOA paper's model; without an area, that of one cell of the layers."""

    at_most_one = (("element_area_m2", "element_area_wavelengths2"),)
    kind: Literal["rayleigh_sommerfeld"] = "rayleigh_sommerfeld"
    element_area_m2: Positive | None = None
    element_area_wavelengths2: Positive | None = None


class RadarSection(Section):
    """Geometric radar; without an exponent, the gain on axis is that of one cell of the layers."""

    at_most_one = (("gain", "gain_db"),)
    kind: Literal["radar"]
    exponent: Annotated[FiniteFloat, Field(ge=0, le=MOST_EXPONENT)] | None = None
    gain: Positive = 1.0
    gain_db: Decibels = 0.0


class DipolesSection(Section):
    """Matched thin wires along y; without a length, resonant ones or as long as a cell takes."""

    at_most_one = (("length_m", "length_wavelengths"), ("radius_m", "radius_wavelengths"))
    kind: Literal["dipoles"]
    length_m: Positive | None = None
    length_wavelengths: Positive | None = None
    radius_m: Positive | None = None
    radius_wavelengths: Positive | None = None


class NearFieldSection(Section):
    """Spherical waves onto projected areas; without an area, that of one cell of the layers."""

    at_most_one = (("element_area_m2", "element_area_wavelengths2"), ("gain", "gain_db"))
    kind: Literal["near_field"]
    element_area_m2: Positive | None = None
    element_area_wavelengths2: Positive | None = None
    gain: Positive = 1.0
    gain_db: Decibels = 0.0


class MatrixSection(Section):
    """A matrix in a file beside this one, or written out row by row."""

    exactly_one = (("file", "real"),)
    needs: ClassVar = {"real": ("imag",), "imag": ("real",)}
    file: str = ""
    real: list[list[FiniteFloat]] = []
    imag: list[list[FiniteFloat]] = []


class MeasuredHopsSection(Section):
    """Given matrices: into the first layer, from layer to layer, out of the last one."""

    kind: Literal["measured"]
    first: MatrixSection
    between: MatrixSection | None = None
    last: MatrixSection


def _with_kind(data: Any) -> Any:
    """Without a kind, the DOA paper's."""
    return {"kind": "rayleigh_sommerfeld", **data} if isinstance(data, dict) else data


ModelSection: TypeAlias = (
    RayleighSommerfeldSection
    | RadarSection
    | NearFieldSection
    | DipolesSection
    | MeasuredHopsSection
)


class StuckSection(Section):
    """An atom that always gives the same transmission; layers from 1, atoms from 0."""

    exactly_one = (("amplitude", "real"),)
    needs: ClassVar = {"phase_deg": ("amplitude",), "real": ("imag",), "imag": ("real",)}
    layer: Annotated[int, Field(ge=1)]
    atom: Index
    amplitude: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    phase_deg: FiniteFloat = 0.0
    real: FiniteFloat = 0.0
    imag: FiniteFloat = 0.0


class GainSection(Section):
    """A complex gain for every atom, one row a layer."""

    real: list[list[FiniteFloat]]
    imag: list[list[FiniteFloat]]


class _AtomsSection(Section):
    stuck: list[StuckSection] = []
    gain: GainSection | None = None


class IdealSection(_AtomsSection):
    """Any phase, without loss."""

    kind: Literal["ideal"] = "ideal"


class QuantisedSection(_AtomsSection):
    """2^bits equally spaced phases."""

    kind: Literal["quantised"]
    bits: Annotated[int, Field(ge=1, le=16)]


class MeasuredSection(_AtomsSection):
    """A measured table, in a CSV file beside this one or written out in radians."""

    exactly_one = (("table", "setting_rad"),)
    needs: ClassVar = {
        "setting_rad": ("amplitude", "unwrapped_phase_rad"),
        "amplitude": ("setting_rad",),
        "unwrapped_phase_rad": ("setting_rad",),
    }
    kind: Literal["measured"]
    table: str = ""
    setting_rad: list[FiniteFloat] = []
    amplitude: list[FiniteFloat] = []
    unwrapped_phase_rad: list[FiniteFloat] = []


AtomsSection: TypeAlias = IdealSection | QuantisedSection | MeasuredSection


class PoseSection(Section):
    """How far one plane is from where it was designed to be; plane 0 is the input layer."""

    at_most_one = (
        ("dx_m", "dx_wavelengths"),
        ("dy_m", "dy_wavelengths"),
        ("dz_m", "dz_wavelengths"),
        ("rx_deg", "rx_rad"),
        ("ry_deg", "ry_rad"),
        ("rz_deg", "rz_rad"),
    )
    plane: Index
    dx_m: FiniteFloat | None = None
    dy_m: FiniteFloat | None = None
    dz_m: FiniteFloat | None = None
    dx_wavelengths: FiniteFloat | None = None
    dy_wavelengths: FiniteFloat | None = None
    dz_wavelengths: FiniteFloat | None = None
    rx_deg: FiniteFloat = 0.0
    ry_deg: FiniteFloat = 0.0
    rz_deg: FiniteFloat = 0.0
    rx_rad: FiniteFloat = 0.0
    ry_rad: FiniteFloat = 0.0
    rz_rad: FiniteFloat = 0.0


class TargetSection(Section):
    """What the response should be: a 2D DFT, a file, or the matrix itself row by row."""

    exactly_one = (("kind", "file", "real"),)
    needs: ClassVar = {
        "shift_x": ("kind",),
        "shift_y": ("kind",),
        "real": ("imag",),
        "imag": ("real",),
    }
    kind: Literal["dft"] = "dft"
    shift_x: Shift = 0.0
    shift_y: Shift = 0.0
    file: str = ""
    real: list[list[FiniteFloat]] = []
    imag: list[list[FiniteFloat]] = []


class StackSection(Section):
    """A whole stack file."""

    exactly_one = (("gaps", "gaps_m", "gaps_wavelengths"),)
    name: str = ""
    frequency_hz: Positive
    wave_speed_m_per_s: Positive | None = None
    gaps_m: list[Positive] | None = None
    gaps_wavelengths: list[Positive] | None = None
    gaps: GapsSection | None = None
    input: ArraySection
    layers: LayersSection
    receivers: ArraySection
    model: Annotated[ModelSection, Field(discriminator="kind"), BeforeValidator(_with_kind)] = (
        RayleighSommerfeldSection()
    )
    atoms: Annotated[AtomsSection, Field(discriminator="kind")] = IdealSection()
    poses: list[PoseSection] = []
    target: TargetSection = TargetSection.model_construct()
