"""The one place that starts programs: every one has a time limit, a minimal environment, and dies with us."""

from bot.process.background import Background, start
from bot.process.running import Completed, Glance, Limits, StalledError, TimedOutError, end_all, follow, run
from bot.process.starting import NotStartedError, ProgramMissingError

__all__ = [
    "Background",
    "Completed",
    "Glance",
    "Limits",
    "NotStartedError",
    "ProgramMissingError",
    "StalledError",
    "TimedOutError",
    "end_all",
    "follow",
    "run",
    "start",
]
