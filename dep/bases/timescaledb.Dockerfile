# Stand-in for timescale/timescaledb:2.23.1-pg17: PostgreSQL 17 with TimescaleDB (Apache edition) from Debian's packages,
# behind an entrypoint with the contract of the official image.
FROM run-claude-base/debian:trixie

# uid 999 as in the official Debian image. No cluster at installation: the entrypoint makes it, on the volume.
# LLVM is a third of the size and PostgreSQL goes without where it is missing.
RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \
    groupadd --system --gid 999 postgres \
    && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres \
    && mkdir /etc/postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && printf 'path-exclude=%s\n' '/usr/lib/*/libLLVM*' '/usr/lib/postgresql/*/lib/llvmjit*' \
         '/usr/lib/postgresql/*/lib/bitcode/*' '/usr/share/i18n/*' >/etc/dpkg/dpkg.cfg.d/timescaledb \
    && apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
         gosu libnss-wrapper postgresql-17 postgresql-17-timescaledb \
    && rm -rf /var/log/*.log /var/log/apt /var/cache/debconf/*-old \
    && printf '%s\n' "listen_addresses = '*'" "shared_preload_libraries = 'timescaledb'" \
         >>/usr/share/postgresql/17/postgresql.conf.sample \
    && mkdir -p /var/lib/postgresql/data /docker-entrypoint-initdb.d \
    && chown -R postgres:postgres /var/lib/postgresql /run/postgresql \
    && chmod 1777 /var/lib/postgresql/data \
    && chmod 3777 /run/postgresql

COPY --chmod=755 timescaledb/docker-entrypoint.sh /usr/local/bin/
COPY --chmod=755 timescaledb/docker-entrypoint-initdb.d/ /docker-entrypoint-initdb.d/

ENV LANG=C.UTF-8 \
    PATH=/usr/lib/postgresql/17/bin:$PATH \
    PGDATA=/var/lib/postgresql/data \
    PG_MAJOR=17
LABEL run-claude.stand-in-for=timescale/timescaledb:2.23.1-pg17
VOLUME /var/lib/postgresql/data
EXPOSE 5432
# Fast shutdown: clients are disconnected, and nothing is left to recover.
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
