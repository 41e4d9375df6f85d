"""The public names and where each is defined; `__init__.py` loads them from this list."""

from . import (
    channel_estimation as channel_estimation,
    channels as channels,
    classification as classification,
)
from .alternating import (
    Alternation as Alternation,
    Block as Block,
    System as System,
    alternate as alternate,
)
from .angular_division import assigned_ports as assigned_ports, beam_gains as beam_gains
from .atoms_in_series import AtomsInSeries as AtomsInSeries
from .downlink import (
    Downlink as Downlink,
    DownlinkSetting as DownlinkSetting,
    PricedPowers as PricedPowers,
    WmmsePrecoder as WmmsePrecoder,
    raised_powers as raised_powers,
)
from .fronts import Receiver as Receiver, Transmitter as Transmitter, linked as linked
from .holographic import (
    LinkSetting as LinkSetting,
    SubchannelFit as SubchannelFit,
    Subchannels as Subchannels,
    SubchannelSetting as SubchannelSetting,
    compensated_capacity as compensated_capacity,
    link_loss_db as link_loss_db,
    parallel_capacity as parallel_capacity,
)
from .max_min import (
    MaxMin as MaxMin,
    MaxMinSetting as MaxMinSetting,
    balanced_powers as balanced_powers,
    balanced_sinr as balanced_sinr,
)
from .mean_powers import (
    MeanPowerPrecoder as MeanPowerPrecoder,
    MeanPowers as MeanPowers,
    MeanPowerSetting as MeanPowerSetting,
)
from .mean_squared_error import (
    MimoByError as MimoByError,
    MmsePrecoder as MmsePrecoder,
    ScaledResponse as ScaledResponse,
    stream_errors as stream_errors,
)
from .phase_blocks import PhaseAscent as PhaseAscent, PhaseFit as PhaseFit
from .powers import check_powers as check_powers, watts as watts
from .precoders import (
    dirty_paper_bound as dirty_paper_bound,
    matched as matched,
    mmse_receivers as mmse_receivers,
    wmmse_precoder as wmmse_precoder,
    zero_forcing as zero_forcing,
)
from .rates import least_rate as least_rate, sinr as sinr, sum_rate as sum_rate
from .robust import (
    DrawnErrors as DrawnErrors,
    RobustSetting as RobustSetting,
    phase_errors as phase_errors,
)
from .variables import (
    Variables as Variables,
    one_stream_an_antenna as one_stream_an_antenna,
)
from .water_filling import (
    priced_water_filling as priced_water_filling,
    water_filling as water_filling,
)
