"""Multiport networks: what waves do that are reflected and coupled on their way."""

from .network import (
    PortNetwork,
    admittance_from_impedance,
    impedance_from_scattering,
    in_our_time,
    renormalised,
    scattering_from_impedance,
)

__all__ = [
    "PortNetwork",
    "admittance_from_impedance",
    "impedance_from_scattering",
    "in_our_time",
    "renormalised",
    "scattering_from_impedance",
]
