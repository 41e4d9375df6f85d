"""Direction of arrival from the energies behind a stack: angles, protocol, estimators."""

from .angles import direction, electrical_angles, is_visible
from .noise import EffectiveSnr, Noiseless, NoiseLevel, PhysicalSnr
from .peak import PeakEstimate, peak_estimate
from .protocol import Protocol
from .snapshots import energies, received_field, simulate_snapshots
from .source import GaussianSource, Source, SteadySource
from .spectrum import AngularSpectrum, angular_spectrum
from .steering import steering_vector

__all__ = [
    "AngularSpectrum",
    "EffectiveSnr",
    "GaussianSource",
    "NoiseLevel",
    "Noiseless",
    "PeakEstimate",
    "PhysicalSnr",
    "Protocol",
    "Source",
    "SteadySource",
    "angular_spectrum",
    "direction",
    "electrical_angles",
    "energies",
    "is_visible",
    "peak_estimate",
    "received_field",
    "simulate_snapshots",
    "steering_vector",
]
