# Stand-in for python:3.13-slim: the same Debian, the same Python series, from Debian's packages.
FROM run-claude-base/debian:trixie

RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \
    apt-get update -q \
    && apt-get install -q -y --no-install-recommends ca-certificates python3 python3-pip python3-venv \
    && ln -s /usr/bin/python3 /usr/local/bin/python3 \
    && ln -s /usr/bin/python3 /usr/local/bin/python \
    && ln -s /usr/bin/pip /usr/local/bin/pip \
    && rm -rf /var/log/*.log /var/log/apt /var/cache/debconf/*-old

ENV LANG=C.UTF-8
LABEL run-claude.stand-in-for=python:3.13-slim
CMD ["python3"]
