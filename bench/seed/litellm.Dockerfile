# What the first design asked for, as it stood, but for what makes it comparable: the base image is a
# setting, the versions are those of our lock (constraints.txt), and a machine's own index and CA reach pip as secrets.
ARG RUN_CLAUDE_PYTHON_IMAGE=python:3.13-slim
FROM ${RUN_CLAUDE_PYTHON_IMAGE}

RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc g++ libpq-dev curl && \
    rm -rf /var/lib/apt/lists/*

WORKDIR /app

COPY constraints.txt /tmp/constraints.txt
RUN --mount=type=secret,id=ca --mount=type=secret,id=build \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi && \
    if [ -s /run/secrets/build ]; then set -a; . /run/secrets/build; set +a; fi && \
    pip install --no-cache-dir --constraint /tmp/constraints.txt \
    'litellm[proxy]' \
    litellm-proxy-extras \
    psycopg2-binary \
    prisma \
    prometheus_client \
    pyyaml

COPY callbacks/ /app/callbacks/

ENV PYTHONPATH="/app:${PYTHONPATH}"
ENV STORE_MODEL_IN_DB="True"
ENV USE_PRISMA_MIGRATE="True"

HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD curl -sf http://localhost:4444/health/readiness || exit 1

EXPOSE 4444

ENTRYPOINT ["litellm"]
CMD ["--host", "0.0.0.0", "--port", "4444", "--config", "/app/config/litellm_config.yaml"]
