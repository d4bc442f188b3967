"""What a consumer goes by, apart from all I/O: records, outcomes, why an event is poison, and quarantine headers. Pure.

AsyncConsumer and Consumer (tenor._async.consumer)   decode → upcast → once only → handler, with retries
stores of handled events (tenor._async.seen)         in memory, SQL, Redis
FileQuarantine (tenor.consuming.file)                a quarantine that needs no broker
"""

from tenor.consuming.dead_letters import DeadLetter, SendDeadLetter
from tenor.consuming.failures import Failure, Reason, Stage, judged
from tenor.consuming.quarantine import QuarantinedRecord, Verdict, quarantined, restored, verdict_of
from tenor.consuming.records import Outcome, Record, Retries, identity

__all__ = [
    "DeadLetter",
    "Failure",
    "Outcome",
    "QuarantinedRecord",
    "Reason",
    "Record",
    "Retries",
    "SendDeadLetter",
    "Stage",
    "Verdict",
    "identity",
    "judged",
    "quarantined",
    "restored",
    "verdict_of",
]
