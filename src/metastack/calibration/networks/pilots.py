"""Pilots of a device that is known by its network: whether they are its own, and how to read them.

Source: ours; as for stacks, `calibration.conventions`.
"""

from dataclasses import replace

import numpy as np

from ...errors import require
from ...multiport import Device, MatchedAtoms
from ..conventions import OURS, Convention
from ..pilots import Pilots

_ALL = tuple(Convention(c, n) for c in (False, True) for n in (False, True))
# Another convention is believed if it explains so much more of the energy.
_CLEAR_SHARE = 0.1


def check_network_pilots(pilots: Pilots, device: Device) -> None:
    """Refuse pilots that are not of this device.

    Raises:
        InputError: another number of layers, atoms, receivers or feeds.
    """
    phases, received = pilots.plan.phases_rad.shape, pilots.received.shape
    require(
        phases[1:] == (device.layers, device.atoms),
        f"The pilots' phases must be of {device.layers} layers of {device.atoms} atoms, as the "
        f"network, but are of {phases[1]} of {phases[2]}.",
    )
    require(
        received[1:] == (device.receivers, device.feeds),
        f"Responses must be of {device.receivers} receivers and {device.feeds} feeds, as the "
        f"network, but are of {received[1]} and {received[2]}.",
    )


def likelier_network_convention(device: Device, pilots: Pilots) -> Convention:
    """The convention in which the designed device explains pilots best; ours if none stands out."""
    explained = {each: _explained(device, each.read(pilots)) for each in _ALL}
    best = max(explained, key=lambda each: explained[each])
    return best if explained[best] - explained[OURS] > _CLEAR_SHARE else OURS


def looks_transposed(device: Device, pilots: Pilots) -> bool:
    """Whether the designed device explains far more of pilots whose receivers are their feeds."""
    if device.receivers != device.feeds:
        return False
    turned = replace(pilots, received=np.swapaxes(pilots.received, 1, 2))
    return _explained(device, turned) - _explained(device, pilots) > _CLEAR_SHARE


def _explained(device: Device, pilots: Pilots) -> float:
    """Share of the pilots' energy that a device accounts for, ports scaled one by one."""
    f = np.asarray(device.response(MatchedAtoms.of_phases(pilots.plan.phases_rad)))
    y = pilots.received
    overlap = np.abs(np.sum(np.conj(f) * y, axis=0)) ** 2
    energy = np.maximum(np.sum(np.abs(f) ** 2, axis=0), np.finfo(float).tiny)
    return float(np.sum(overlap / energy) / np.sum(np.abs(y) ** 2))
