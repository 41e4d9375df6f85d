"""The public names and where each is defined; `__init__.py` loads them from this list."""

from . import (
    calibration as calibration,
    design as design,
    doa as doa,
    files as files,
    multiport as multiport,
    report as report,
    study as study,
    systems as systems,
)
from .atoms import (
    IdealAtoms as IdealAtoms,
    MeasuredAtoms as MeasuredAtoms,
    QuantisedAtoms as QuantisedAtoms,
    StuckAtoms as StuckAtoms,
    UnequalAtoms as UnequalAtoms,
)
from .design import (
    LBFGS as LBFGS,
    Adam as Adam,
    CoordinateDescent as CoordinateDescent,
    Design as Design,
    GivenPhases as GivenPhases,
    GradientDescent as GradientDescent,
    LevenbergMarquardt as LevenbergMarquardt,
    NearUniform as NearUniform,
    Outcome as Outcome,
    ProgrammableResponse as ProgrammableResponse,
    ProgrammedCascade as ProgrammedCascade,
    ProgrammedDevice as ProgrammedDevice,
    RandomPhases as RandomPhases,
    ResponseDesign as ResponseDesign,
    ResponseFunction as ResponseFunction,
    best_design as best_design,
    design_phases as design_phases,
    design_response as design_response,
    design_robustly as design_robustly,
    expected_nmse as expected_nmse,
    in_stack as in_stack,
    insertion_loss_tradeoff as insertion_loss_tradeoff,
)
from .dispersion import (
    Dispersion as Dispersion,
    MeasuredDispersion as MeasuredDispersion,
    NoDispersion as NoDispersion,
    ResonatorDispersion as ResonatorDispersion,
)
from .doa import (
    EffectiveSnr as EffectiveSnr,
    Noiseless as Noiseless,
    PhysicalSnr as PhysicalSnr,
    Protocol as Protocol,
    angular_spectrum as angular_spectrum,
    direction as direction,
    electrical_angles as electrical_angles,
    energies as energies,
    peak_estimate as peak_estimate,
    simulate_snapshots as simulate_snapshots,
    steering_vector as steering_vector,
)
from .errors import (
    InputError as InputError,
)
from .files import (
    Recording as Recording,
    import_pilots as import_pilots,
    read_design as read_design,
    read_network as read_network,
    read_network_pilots as read_network_pilots,
    read_pilots as read_pilots,
    read_plan as read_plan,
    read_probed_pilots as read_probed_pilots,
    read_recording as read_recording,
    read_response as read_response,
    read_stack as read_stack,
    read_wideband_pilots as read_wideband_pilots,
    write_design as write_design,
    write_network as write_network,
    write_pilots as write_pilots,
    write_plan as write_plan,
    write_probed_pilots as write_probed_pilots,
    write_recording as write_recording,
    write_stack as write_stack,
    write_wideband_pilots as write_wideband_pilots,
)
from .geometry import (
    PlanarArray as PlanarArray,
    Plane as Plane,
    Pose as Pose,
)
from .imperfections import (
    GaussianErrors as GaussianErrors,
    Imperfections as Imperfections,
    UniformErrors as UniformErrors,
    built as built,
    published_imperfections as published_imperfections,
)
from .multiport import (
    WireDipoles as WireDipoles,
)
from .precision import (
    float64 as float64,
)
from .propagation import (
    DenseHop as DenseHop,
    FourierHop as FourierHop,
    GeometricRadar as GeometricRadar,
    MeasuredHop as MeasuredHop,
    MeasuredHops as MeasuredHops,
    MirrorHop as MirrorHop,
    NearField as NearField,
    RayleighSommerfeld as RayleighSommerfeld,
    propagate as propagate,
)
from .stack import (
    Stack as Stack,
    hops as hops,
    make_stack as make_stack,
    make_uniform_stack as make_uniform_stack,
    response as response,
)
from .targets import (
    best_scale as best_scale,
    decibels as decibels,
    dft_2d as dft_2d,
    insertion_loss_db as insertion_loss_db,
    nmse as nmse,
)

__version__: str
