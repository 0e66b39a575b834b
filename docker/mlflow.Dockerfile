# MLflow's tracking server, for the profile mlflow of docker-compose.yml.
FROM python:3.11-slim-bookworm
RUN python3 -m venv /opt/mlflow && /opt/mlflow/bin/pip install --no-cache-dir mlflow==3.17.2 \
 && install --directory --owner 10001 --group 10001 /data
LABEL org.opencontainers.image.title="bpkd mlflow"
ENV PATH=/opt/mlflow/bin:$PATH HOME=/tmp MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
USER 10001:10001
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", \
     "--allowed-hosts", "localhost:*,127.0.0.1:*,mlflow:*", \
     "--backend-store-uri", "sqlite:////data/mlflow.sqlite", "--artifacts-destination", "/data/artifacts"]
