"""The in-memory store: for tests, for trying things out, and as the plainest statement of what a store does.

One lock makes every method atomic; records are frozen, so none leaks. It lives and dies with its process.
"""

from service.adapters.memory.access import MemoryIdempotency, MemoryKeys, MemoryWorkers
from service.adapters.memory.datasets import MemoryDatasets
from service.adapters.memory.events import MemoryEvents
from service.adapters.memory.jobs import MemoryJobs
from service.adapters.memory.models import MemoryModels
from service.adapters.memory.queue import MemoryQueue
from service.adapters.memory.store import MemoryStore
from service.adapters.memory.teachers import MemoryTeachers
from service.adapters.memory.upkeep import MemoryUpkeep
from service.adapters.memory.webhooks import MemoryWebhooks

__all__ = [
    "MemoryDatasets",
    "MemoryEvents",
    "MemoryIdempotency",
    "MemoryJobs",
    "MemoryKeys",
    "MemoryModels",
    "MemoryQueue",
    "MemoryStore",
    "MemoryTeachers",
    "MemoryUpkeep",
    "MemoryWebhooks",
    "MemoryWorkers",
]
