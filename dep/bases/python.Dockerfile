# Stand-in for python:3.13-slim: the same Debian, the same Python series, from Debian's packages.
FROM run-claude-base/debian:trixie

# pip comes from the wheel that Debian keeps for virtual environments: its package of pip brings packages along that
# pip itself can neither replace nor remove.
RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \
    apt-get update -q \
    && apt-get install -q -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/log/*.log /var/log/apt /var/cache/debconf/*-old \
    && ln -s /usr/bin/python3 /usr/local/bin/python3 \
    && ln -s /usr/bin/python3 /usr/local/bin/python \
    && python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" install --quiet --no-cache-dir --root-user-action=ignore \
         --no-index --find-links=/usr/share/python-wheels pip

ENV LANG=C.UTF-8
LABEL run-claude.stand-in-for=python:3.13-slim
CMD ["python3"]
