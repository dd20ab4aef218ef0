# The image with a stand-in for LiteLLM; what the real one copies of ours is added (tests/stand_in).
ARG RUN_CLAUDE_PYTHON_IMAGE
FROM ${RUN_CLAUDE_PYTHON_IMAGE}
ARG RUN_CLAUDE_PRISMA=off
LABEL run-claude.image=litellm run-claude.prisma=${RUN_CLAUDE_PRISMA} run-claude.stand-in=yes
ENV PYTHONPATH=/app/stand-in:/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /app
RUN install -d -m 1777 /var/log/litellm
USER 10001:10001
EXPOSE 4444
HEALTHCHECK --interval=30s --timeout=120s --start-period=300s --start-interval=100ms --retries=2 \
    CMD ["/app/healthcheck"]
ENTRYPOINT ["python3", "/app/entrypoint.py"]
COPY litellm/stand-in /app/stand-in
