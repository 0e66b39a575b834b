"""The client as it is written: with `async`. The one without it, service/client/sync, is made from these files."""
