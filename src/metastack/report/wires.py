"""The wires of a device, from the side and from the front."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..multiport import WireBody, WiredDevice
from .style import BLUE, GREY, VERMILION, new_figure, styled

_ACROSS, _ALONG, _AXIS = range(3)
_MARGIN = 0.1
# What panels have of the width, and what labels need of the height.
_WIDTH_IN, _PANELS_IN, _AROUND_IN = 7.0, 6.2, 0.75


@styled
def wires_figure(device: WiredDevice) -> Figure:
    """From the side, the axis to the right, and along the axis; in wavelengths from the feeds."""
    origin = device.bodies[0].nodes.mean(axis=0)
    places = np.concatenate([_placed(body, device, origin) for body in device.bodies])
    extents = np.ptp(places, axis=0) * (1 + _MARGIN)
    scale = _PANELS_IN / (extents[_AXIS] + extents[_ACROSS])
    figure = new_figure(_AROUND_IN + scale * extents[_ALONG], width_in=_WIDTH_IN)
    figure.set_layout_engine("compressed")
    side, front = figure.subplots(
        1, 2, sharey=True, width_ratios=(extents[_AXIS], extents[_ACROSS])
    )
    for axes, horizontal in ((side, _AXIS), (front, _ACROSS)):
        for body in device.bodies:
            _draw(axes, body, _placed(body, device, origin)[:, [horizontal, _ALONG]])
        axes.set_aspect("equal")
        axes.autoscale_view()
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    side.set_xlabel("along the axis, from the feeds ($λ$)")
    side.set_ylabel("along the wires ($λ$)")
    front.set_xlabel("across ($λ$)")
    handles = {str(each.get_label()): each for each in (*side.collections, *side.lines)}
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=len(handles))
    return figure


def _placed(
    body: WireBody, device: WiredDevice, origin: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "nodes 3"]:
    return (body.nodes - origin) @ device.frame.T


def _draw(axes: Axes, body: WireBody, places: Float[np.ndarray, "nodes 2"]) -> None:
    """Elements carry ports, screens none."""
    has_ports = bool(body.ports)
    wires = LineCollection(
        list(places[body.segments]),
        colors=BLUE if has_ports else GREY,
        linewidths=1.2 if has_ports else 0.4,
        label="elements" if has_ports else "screens",
        zorder=2 if has_ports else 1,
        rasterized=not has_ports,
    )
    axes.add_collection(wires)
    if has_ports:
        axes.plot(
            *places[list(body.ports)].T,
            "o",
            color=VERMILION,
            markersize=2.5,
            markeredgewidth=0,
            label="ports",
            zorder=3,
        )
