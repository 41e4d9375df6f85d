"""Options that say what the ports of a designed network are, and reading a device by them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from .network import stated

if TYPE_CHECKING:
    from ..multiport import Device, PortNetwork

DesignedPath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DESIGNED",
        help="Network of the designed device (.sNp Touchstone, .npz, .mat).",
        show_default=False,
    ),
]

NetworkPilotsPath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PILOTS",
        help="Responses in many configurations (.npz, .mat, .h5 with `response` in time "
        "e^{+jwt}), or pilots of metastack.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class NetworkPorts:
    """What the ports of a network are: feeds, both sides of each layer in turn, receivers."""

    feeds: Annotated[
        int, typer.Option(min=1, help="Feeds: the first ports of the network.", show_default=False)
    ]
    layers: Annotated[
        int,
        typer.Option(
            min=1,
            help="Programmable layers: of each the ports on the feeds' side, then the others.",
            show_default=False,
        ),
    ]
    atoms: Annotated[
        int, typer.Option(min=1, help="Atoms of a layer, two ports each.", show_default=False)
    ]


@dataclass(frozen=True)
class NetworkReading:
    """How the file of a network is to be read."""

    frequency_hz: Annotated[
        float | None,
        typer.Option(help="Frequency, where the network's file has several.", show_default=False),
    ] = None
    reference_ohm: Annotated[
        float | None,
        typer.Option(
            help="Reference of all ports; else the file's, or that of its first port.",
            show_default=False,
        ),
    ] = None
    network_conjugated: Annotated[
        bool | None,
        typer.Option(
            "--network-conjugated/--network-not-conjugated",
            help="Whether the network's file is in time e^{-jwt}; else e^{+jwt}, unless its phases "
            "contradict.",
            show_default=False,
        ),
    ] = None
    most_gain: Annotated[
        float, typer.Option(help="Power that may come out for what goes in, before it is refused.")
    ] = 1.01


AS_THE_FILE_SAYS = NetworkReading()


def read_device(
    path: Path, ports: NetworkPorts, reading: NetworkReading = AS_THE_FILE_SAYS
) -> tuple["Device", "PortNetwork"]:
    """The designed device, and its network, of which reference and frequency may be wanted.

    Raises:
        InputError: a file that holds no such network; counts that leave no receivers.
    """
    from ..files import read_network
    from ..files.wording import naming
    from ..multiport import Device

    network = read_network(
        path,
        frequency_hz=reading.frequency_hz,
        reference_ohm=reading.reference_ohm,
        convention=stated(reading.network_conjugated),
        most_gain=reading.most_gain,
    )
    with naming(path):
        device = Device.of(network, feeds=ports.feeds, layers=ports.layers, atoms=ports.atoms)
    return device, network
