# A machine with an engine of its own, for the tests (tests/engines): Debian's next release, whose engine, Compose and
# Python are newer than this one's, and what a rootless engine needs. Runs privileged; its engine's folder is a volume.
ARG DEBIAN
FROM ${DEBIAN}

# The archive of a release that is not out yet may be past its date on a mirror.
RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \
    sed -i 's/trixie/forky/g' $(ls /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null) \
    && apt-get -o Acquire::Check-Valid-Until=false update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
         -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold \
         base-files ca-certificates docker.io docker-cli docker-compose docker-buildx iptables iproute2 procps \
         python3 rootlesskit slirp4netns uidmap dbus-user-session- \
    && rm -rf /var/log/*.log /var/log/apt /var/cache/debconf/*-old

# Whom the engine maps container users to (userns-remap), and who runs it without root.
RUN useradd --system --no-create-home dockremap \
    && useradd --create-home --uid 1000 ada \
    && printf '%s\n' dockremap:300000:65536 ada:400000:65536 | tee /etc/subuid >/etc/subgid \
    && install -d -o ada -g ada /home/ada/.local /home/ada/.local/share /home/ada/.local/share/docker

LABEL run-claude.stand-in-for=machine
