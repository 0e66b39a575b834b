"""The client without `async`, made from service/client/aio."""
