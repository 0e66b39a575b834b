# HAProxy in front of several API replicas, for docker/compose.scale.yml.
FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends haproxy \
 && rm -rf /var/lib/apt/lists/*
LABEL org.opencontainers.image.title="bpkd proxy"
COPY docker/haproxy.cfg /etc/haproxy/haproxy.cfg
USER 10001:10001
CMD ["haproxy", "-f", "/etc/haproxy/haproxy.cfg", "-db"]
