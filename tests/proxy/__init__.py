"""An HTTP proxy in front of a registry that counts requests and breaks chosen ones in chosen ways."""

from tests.proxy.bodies import NOT_ITS_DIGEST
from tests.proxy.faults import (
    ALWAYS,
    Answer,
    AnswerAfter,
    Corrupted,
    CutAfter,
    CutBefore,
    CutDuring,
    CutMidway,
    Delay,
    Drip,
    Fault,
    Kind,
    Pause,
    Replaced,
    Short,
    Silence,
    Without,
    WrongDigest,
)
from tests.proxy.serving import start_proxy
from tests.proxy.watched import FaultProxy, Gate, Seen, Watched

__all__ = [
    "ALWAYS",
    "NOT_ITS_DIGEST",
    "Answer",
    "AnswerAfter",
    "Corrupted",
    "CutAfter",
    "CutBefore",
    "CutDuring",
    "CutMidway",
    "Delay",
    "Drip",
    "Fault",
    "FaultProxy",
    "Gate",
    "Kind",
    "Pause",
    "Replaced",
    "Seen",
    "Short",
    "Silence",
    "Watched",
    "Without",
    "WrongDigest",
    "start_proxy",
]
