"""Multiport networks: what waves do that are reflected and coupled on their way."""

from .device import Cascade, Device
from .dipoles import WireDipoles
from .network import (
    PortNetwork,
    admittance_from_impedance,
    impedance_from_scattering,
    in_our_time,
    renormalised,
    scattering_from_impedance,
)
from .redheffer import TwoSided, star
from .scatterers import ConnectedAtoms, Layer, MatchedAtoms, Scatterers, TwoPortAtoms
from .thin_wire import ThinWires, impedance_matrix, mutual_impedance

__all__ = [
    "Cascade",
    "ConnectedAtoms",
    "Device",
    "Layer",
    "MatchedAtoms",
    "PortNetwork",
    "Scatterers",
    "ThinWires",
    "TwoPortAtoms",
    "TwoSided",
    "WireDipoles",
    "admittance_from_impedance",
    "impedance_from_scattering",
    "impedance_matrix",
    "in_our_time",
    "mutual_impedance",
    "renormalised",
    "scattering_from_impedance",
    "star",
]
