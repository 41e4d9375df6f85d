"""What errors cost and calibration wins back, for whatever stacks are used for."""

from .bench import Bench, built_stack, common_tolerance
from .classification import ClassificationUse, digest_of
from .curves import CostStudy, means, shares
from .directions import DirectionUse
from .downlink import DownlinkUse
from .holographic import HolographicUse
from .point import USES, WAYS, cost_point
from .used_system import Merit, UsedSystem
from .won_back import Interval, mean_interval, won_back

__all__ = [
    "USES",
    "WAYS",
    "Bench",
    "ClassificationUse",
    "CostStudy",
    "DirectionUse",
    "DownlinkUse",
    "HolographicUse",
    "Interval",
    "Merit",
    "UsedSystem",
    "built_stack",
    "common_tolerance",
    "cost_point",
    "digest_of",
    "mean_interval",
    "means",
    "shares",
    "won_back",
]
