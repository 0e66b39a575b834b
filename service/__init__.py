"""The service: jobs and models as records, the HTTP edge, inference, the client, the command line. No torch here."""
