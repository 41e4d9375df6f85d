"""Calibration in service: how stacks move, when to calibrate again, and how to follow them."""

from .belief import Belief, calibrated_belief
from .decisions import Action, Decision, Hysteresis, Watch
from .drift import (
    Drift,
    DriftPath,
    Jumps,
    RandomWalk,
    Thermal,
    Together,
    Vibration,
    drift_path,
    gain_path,
)
from .monitors import Cusum, Innovation, Monitor, ResidualEnergy, SubspaceDetector
from .operations import Operation, Stage, follow
from .patterns import Patterns, Shown, TellingPatterns
from .running import ScheduleRun, links_nmse, pilots_on_path, run_schedule
from .schedules import (
    Alarms,
    CoherenceBlock,
    PeriodicMultiStage,
    PeriodicSingleStage,
    Schedule,
    StateDriven,
    Tracking,
)
from .service import HeldState, Jump, Service, TrackedState
from .showing import PilotChoice, RandomPilots, Showing, TellingPilots
from .site import Send, Site
from .stream import StreamMonitor, StreamReport
from .thresholds import (
    Detection,
    Rate,
    Threshold,
    detection,
    simulated_statistics,
    simulated_threshold,
    threshold_from_history,
)
from .walk import Walk

__all__ = [
    "Action",
    "Alarms",
    "Belief",
    "CoherenceBlock",
    "Cusum",
    "Decision",
    "Detection",
    "Drift",
    "DriftPath",
    "HeldState",
    "Hysteresis",
    "Innovation",
    "Jump",
    "Jumps",
    "Monitor",
    "Operation",
    "Patterns",
    "PeriodicMultiStage",
    "PeriodicSingleStage",
    "PilotChoice",
    "RandomPilots",
    "RandomWalk",
    "Rate",
    "ResidualEnergy",
    "Schedule",
    "ScheduleRun",
    "Send",
    "Service",
    "Showing",
    "Shown",
    "Site",
    "Stage",
    "StateDriven",
    "StreamMonitor",
    "StreamReport",
    "SubspaceDetector",
    "TellingPatterns",
    "TellingPilots",
    "Thermal",
    "Threshold",
    "Together",
    "TrackedState",
    "Tracking",
    "Vibration",
    "Walk",
    "Watch",
    "calibrated_belief",
    "detection",
    "drift_path",
    "follow",
    "gain_path",
    "links_nmse",
    "pilots_on_path",
    "run_schedule",
    "simulated_statistics",
    "simulated_threshold",
    "threshold_from_history",
]
