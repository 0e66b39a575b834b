"""The API for Python programs: `Client("http://127.0.0.1:8400").jobs.create(...)`, and AsyncClient beside it.

Written once, with `async`, in service/client/aio; service/client/sync is made from it word by word (`async def` becomes
`def`, `AsyncJobs` becomes `Jobs`) by `pytest tests/unit/service/client/test_client_sync.py --golden`, and that test
fails while the two differ. So: edit `aio`, run the test with --golden, commit both. A file per resource; a method says
what it asks and what comes back, `return await self._transport.get(Job, f"{BASE}/{job_id}")`, and a new resource gets
its line in aio/client.py. What neither waits nor sends, such as errors and masks, lies here and is shared.
"""

from service.client.aio.client import AsyncClient
from service.client.errors import RequestFailed, Unreachable
from service.client.masks import Mask
from service.client.patience import Patience
from service.client.sync.client import Client

__all__ = ["AsyncClient", "Client", "Mask", "Patience", "RequestFailed", "Unreachable"]
