"""The ways of arranging a dataset's files that are known by name (:data:`bpkd_core.catalog.DATASETS`)."""
