"""`metastack system multiport`: MIMO through a device with every coupling that it has."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .network_options import (
    AS_THE_FILE_SAYS,
    DesignedPath,
    NetworkPorts,
    NetworkReading,
    read_device,
)
from .option_groups import option_groups
from .options import AsJson, Seed, Starts, refuse_overwriting, require_writable
from .output import emit


@option_groups
def multiport(
    designed: DesignedPath,
    ports: NetworkPorts,
    power_to_noise_db: Annotated[
        float, typer.Option(help="Transmitted power over the noise of one receiver.")
    ] = 30.0,
    starts: Starts = 4,
    reading: NetworkReading = AS_THE_FILE_SAYS,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Phases and precoder to write (.npz)."),
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Mean squared error of streams from feeds to receivers, over phases and precoder.

    By the whole network, and by the product of matrices that the device is without reflections;
    both judged by the whole network.
    """
    from ..files.atomic import replacing
    from ..study.network_error import ErrorCase

    require_writable(output, ".npz")
    if output is not None:
        refuse_overwriting(output, designed)
    device, _ = read_device(designed, ports, reading)
    case = ErrorCase(device, power_to_noise_db, starts, seed)
    judged = [case.by_product(), case.by_network()]
    answer: dict[str, Any] = {
        "streams": device.feeds,
        "power_to_noise_db": power_to_noise_db,
        "models": [
            {
                "designed_by": each.model,
                "error_by_itself": each.believed_error,
                "error": each.error,
            }
            for each in judged
        ],
    }
    if output is not None:
        import numpy as np

        whole = judged[-1]
        with replacing(output) as temporary, temporary.open("wb") as file:
            np.savez(file, phases_rad=whole.phases_rad, precoder=whole.precoder)
        answer["output"] = str(output)
    emit(answer, as_json=json)
