#!/bin/sh
# An S3-compatible gateway over a folder: each bucket is a folder in it, and so is the one that bpkd uses.
set -eu
mkdir -p /data/bpkd
ROOT_ACCESS_KEY=$(cat /run/secrets/bpkd_s3_access_key_id) ROOT_SECRET_KEY=$(cat /run/secrets/bpkd_s3_secret_access_key)
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec versitygw --port :8333 posix /data
