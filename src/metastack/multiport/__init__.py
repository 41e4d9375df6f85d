"""Multiport networks: what waves do that are reflected and coupled on their way."""

from .device import Cascade, Device
from .dipoles import WireDipoles
from .moments import WireSolution, solve_wires
from .moving_wires import Motion, MovingWires
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
from .wire_body import WireBody, centre_fed_wires, wire_grid
from .wired_device import (
    Elements,
    LayerMotion,
    LayerTolerance,
    PreparedWires,
    Screen,
    WiredDevice,
    Wiring,
    wired_device,
)

__all__ = [
    "Cascade",
    "ConnectedAtoms",
    "Device",
    "Elements",
    "Layer",
    "LayerMotion",
    "LayerTolerance",
    "MatchedAtoms",
    "Motion",
    "MovingWires",
    "PortNetwork",
    "PreparedWires",
    "Scatterers",
    "Screen",
    "ThinWires",
    "TwoPortAtoms",
    "TwoSided",
    "WireBody",
    "WireDipoles",
    "WireSolution",
    "WiredDevice",
    "Wiring",
    "admittance_from_impedance",
    "centre_fed_wires",
    "impedance_from_scattering",
    "impedance_matrix",
    "in_our_time",
    "mutual_impedance",
    "renormalised",
    "scattering_from_impedance",
    "solve_wires",
    "star",
    "wire_grid",
    "wired_device",
]
