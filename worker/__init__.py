"""The worker: claims jobs in the database, supervises their trainers, publishes what they leave."""
