"""What stands behind the ports: stores in memory and in SQL, files on a disk, hints over Celery."""
