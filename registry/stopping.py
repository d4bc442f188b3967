"""Whether this process was told to stop. Answers that wait for something are given at once then."""

from threading import Event

STOPPING = Event()
