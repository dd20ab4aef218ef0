"""The variables that LiteLLM reads by itself: of which callback, cache or provider.

The container's environment has only what is handed over, so what no `os.environ/NAME` names has to be known here. The
names are from the source of the locked LiteLLM, each from the file named beside it; a test looks for them in the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CALLBACKS", "FILES", "PACKAGES", "PROVIDERS", "missing_packages", "provider_variables", "section_variables"]

_AWS = (  # llms/bedrock/base_aws_llm.py, and boto3's own
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_REGION_NAME",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_BEARER_TOKEN_BEDROCK",
)
_GOOGLE = (  # llms/vertex_ai/vertex_llm_base.py, and google-auth's own
    "GOOGLE_APPLICATION_CREDENTIALS",
    "VERTEXAI_CREDENTIALS",
    "VERTEXAI_PROJECT",
    "VERTEXAI_LOCATION",
)
_LANGFUSE = (  # integrations/langfuse/langfuse.py, langfuse_otel.py
    "LANGFUSE_PUBLIC_KEY",
    "LANGFUSE_SECRET_KEY",
    "LANGFUSE_HOST",
    "LANGFUSE_BASE_URL",
    "LANGFUSE_OTEL_HOST",
    "LANGFUSE_PROJECT_ID",
    "LANGFUSE_TRACING_ENVIRONMENT",
    "LANGFUSE_FLUSH_INTERVAL",
)
_DATADOG = (  # integrations/datadog/datadog.py, datadog_handler.py, datadog_metrics.py
    "DD_API_KEY",
    "DD_APP_KEY",
    "DD_SITE",
    "DD_BASE_URL",
    "DD_ENV",
    "DD_SERVICE",
    "DD_SOURCE",
    "DD_VERSION",
    "LITELLM_DD_AGENT_HOST",
    "LITELLM_DD_AGENT_PORT",
    "LITELLM_DD_LLM_OBS_PORT",
)
_OTEL = (  # integrations/opentelemetry.py
    "OTEL_EXPORTER",
    "OTEL_ENDPOINT",
    "OTEL_HEADERS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACER_NAME",
    "OTEL_ENVIRONMENT_NAME",
)
_REDIS = (  # _redis.py, proxy/proxy_server.py
    "REDIS_URL",
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_USERNAME",
    "REDIS_PASSWORD",
    "REDIS_SSL",
    "REDIS_CLUSTER_NODES",
    "REDIS_SENTINEL_NODES",
    "REDIS_SENTINEL_PASSWORD",
    "REDIS_SERVICE_NAME",
)
_SMTP = ("SMTP_HOST", "SMTP_PORT", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_SENDER_EMAIL", "SMTP_TLS")  # proxy/utils.py

# By the name in `callbacks`, `success_callback`, `failure_callback`, `alerting`, `audit_log_callbacks` and
# `cache_params.type`. The comment is the file under litellm/.
CALLBACKS: Mapping[str, tuple[str, ...]] = {
    "langfuse": _LANGFUSE,
    "langfuse_otel": (*_LANGFUSE, *_OTEL),
    "slack": ("SLACK_WEBHOOK_URL",),  # integrations/SlackAlerting/slack_alerting.py
    "webhook": ("WEBHOOK_URL",),  # integrations/SlackAlerting/slack_alerting.py
    "email": _SMTP,
    "smtp_email": _SMTP,
    "datadog": _DATADOG,
    "datadog_llm_observability": _DATADOG,
    "datadog_metrics": _DATADOG,
    "datadog_cost_management": _DATADOG,
    "s3": _AWS,  # integrations/s3.py, with boto3
    "s3_v2": _AWS,  # integrations/s3_v2.py
    "sqs": _AWS,  # integrations/sqs.py
    "aws_sqs": _AWS,
    "dynamodb": _AWS,  # integrations/dynamodb.py
    "gcs_bucket": (  # integrations/gcs_bucket/gcs_bucket_base.py
        "GCS_BUCKET_NAME",
        "GCS_PATH_SERVICE_ACCOUNT",
        "GCS_BATCH_SIZE",
        "GCS_FLUSH_INTERVAL",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ),
    "azure_storage": (  # integrations/azure_storage/azure_storage.py
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_FILE_SYSTEM",
        "AZURE_STORAGE_TENANT_ID",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_STORAGE_CLIENT_SECRET",
    ),
    "otel": _OTEL,
    "arize": ("ARIZE_SPACE_KEY", "ARIZE_SPACE_ID", "ARIZE_API_KEY", "ARIZE_ENDPOINT", "ARIZE_HTTP_ENDPOINT"),
    "arize_phoenix": ("PHOENIX_API_KEY", "PHOENIX_COLLECTOR_ENDPOINT", "PHOENIX_COLLECTOR_HTTP_ENDPOINT"),
    "langsmith": (  # integrations/langsmith.py
        "LANGSMITH_API_KEY",
        "LANGSMITH_PROJECT",
        "LANGSMITH_BASE_URL",
        "LANGSMITH_DEFAULT_RUN_NAME",
        "LANGSMITH_SAMPLING_RATE",
        "LANGSMITH_TENANT_ID",
    ),
    "helicone": ("HELICONE_API_KEY", "HELICONE_API_BASE"),  # integrations/helicone.py
    "braintrust": ("BRAINTRUST_API_KEY", "BRAINTRUST_API_BASE"),  # integrations/braintrust_logging.py
    "posthog": ("POSTHOG_API_KEY", "POSTHOG_API_URL"),  # integrations/posthog.py
    "openmeter": ("OPENMETER_API_KEY", "OPENMETER_API_ENDPOINT"),  # integrations/openmeter.py
    "argilla": ("ARGILLA_API_KEY", "ARGILLA_BASE_URL", "ARGILLA_DATASET_NAME"),  # integrations/argilla.py
    "logfire": ("LOGFIRE_TOKEN",),  # integrations/logfire_logger.py
    "sentry": ("SENTRY_DSN", "SENTRY_ENVIRONMENT", "SENTRY_API_SAMPLE_RATE", "SENTRY_API_TRACE_RATE"),
    "weave_otel": ("WANDB_API_KEY", "WANDB_PROJECT_ID", "WANDB_HOST"),  # integrations/weave/weave_otel.py
    "athina": ("ATHINA_API_KEY", "ATHINA_BASE_URL"),  # integrations/athina.py
    "agentops": ("AGENTOPS_API_KEY", "AGENTOPS_ENVIRONMENT", "AGENTOPS_SERVICE_NAME"),  # integrations/agentops/
    "deepeval": ("CONFIDENT_API_KEY",),  # integrations/deepeval/deepeval.py
    "literalai": ("LITERAL_API_KEY", "LITERAL_API_URL"),  # integrations/literal_ai.py
    "galileo": ("GALILEO_BASE_URL", "GALILEO_PROJECT_ID", "GALILEO_USERNAME", "GALILEO_PASSWORD", "GALILEO_API_KEY"),
    "humanloop": ("HUMANLOOP_API_KEY",),  # integrations/humanloop.py
    "redis": _REDIS,
    "redis-semantic": _REDIS,
    "gcs": ("GCS_BUCKET_NAME", "GCS_PATH_SERVICE_ACCOUNT"),
}

# utils.py: validate_environment. A row without `api_key` needs one of each group.
PROVIDERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "openai": (("OPENAI_API_KEY",),),
    "azure": (("AZURE_API_KEY",), ("AZURE_API_BASE",)),
    "anthropic": (("ANTHROPIC_API_KEY",),),
    "cohere": (("COHERE_API_KEY",),),
    "cohere_chat": (("COHERE_API_KEY",),),
    "openrouter": (("OPENROUTER_API_KEY",),),
    "huggingface": (("HUGGINGFACE_API_KEY",),),
    "together_ai": (("TOGETHERAI_API_KEY",),),
    "gemini": (("GEMINI_API_KEY", "GOOGLE_API_KEY"),),
    "groq": (("GROQ_API_KEY",),),
    "nvidia_nim": (("NVIDIA_NIM_API_KEY",),),
    "cerebras": (("CEREBRAS_API_KEY",),),
    "xai": (("XAI_API_KEY",),),
    "deepseek": (("DEEPSEEK_API_KEY",),),
    "mistral": (("MISTRAL_API_KEY",),),
    "perplexity": (("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),),
    "fireworks_ai": (("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"),),
    "deepinfra": (("DEEPINFRA_API_KEY",),),
    "moonshot": (("MOONSHOT_API_KEY",),),
    "zai": (("ZAI_API_KEY",),),
    "voyage": (("VOYAGE_API_KEY",),),
}

# Cloud providers find their keys in many ways; what is set of these is handed over, none of it is needed.
_CLOUDS: Mapping[str, tuple[str, ...]] = {
    "bedrock": _AWS,
    "bedrock_converse": _AWS,
    "sagemaker": _AWS,
    "sagemaker_chat": _AWS,
    "vertex_ai": _GOOGLE,
    "vertex_ai_beta": _GOOGLE,
    "ollama": ("OLLAMA_API_BASE",),
    "ollama_chat": ("OLLAMA_API_BASE",),
    "azure": ("AZURE_API_VERSION", "AZURE_AD_TOKEN", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
}

# What these name is a file of the user's, which the container cannot see: its content is handed over.
FILES = frozenset(
    {
        "VERTEXAI_CREDENTIALS",  # a file's name, or the content itself
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GCS_PATH_SERVICE_ACCOUNT",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "REDIS_GCP_SSL_CA_CERTS",
    }
)

# Callbacks whose package the image has not; LiteLLM starts without it, says so in its log, and sends nothing.
PACKAGES: Mapping[str, str] = {
    "langfuse": "langfuse",
    "sentry": "sentry-sdk",
    **dict.fromkeys(("otel", "langfuse_otel", "arize", "arize_phoenix", "weave_otel", "logfire"), "opentelemetry-sdk"),
}

_NAMED = ("callbacks", "success_callback", "failure_callback", "service_callbacks", "audit_log_callbacks", "alerting")


def provider_variables(params: Mapping[str, Any]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the variables that LiteLLM reads for a row beside those it names: groups it needs, and optional ones.

    A row with a key of its own needs none. Neither does one with its own address: it may be a server without keys, and
    a provider's key must not go to another host.
    """
    model = str(params.get("model") or "")
    provider = str(params.get("custom_llm_provider") or model.partition("/")[0])
    own = any(params.get(name) for name in ("api_key", "api_base", "base_url", "litellm_credential_name"))
    if provider in _CLOUDS and provider not in PROVIDERS:
        return (), _CLOUDS[provider]
    if model == "*":  # any provider, by the name in the request
        every = (name for groups in PROVIDERS.values() for group in groups for name in group)
        return (), tuple(dict.fromkeys([*every, *_AWS, *_GOOGLE]))
    if any(key.startswith("azure_ad") or key in ("client_id", "tenant_id") for key in params):
        return (), ()
    if provider == "azure" and own and not any(params.get(name) for name in ("api_key", "litellm_credential_name")):
        # Its address is always the user's own; any one way of logging in is enough.
        return (), ("AZURE_API_KEY", *_CLOUDS[provider])
    if own:
        return (), ()
    return PROVIDERS.get(provider, ()), _CLOUDS.get(provider, ())


def section_variables(sections: Mapping[str, Any]) -> frozenset[str]:
    """Return the variables that what these sections name reads by itself: callbacks, alerting, caches."""
    found: set[str] = set()
    for name in _names(sections):
        found.update(CALLBACKS.get(name, ()))
    return frozenset(found)


def missing_packages(sections: Mapping[str, Any], requirements: str) -> list[str]:
    """Return a note for each callback that these sections name and that the image has no package for.

    :param requirements: the image's `requirements.txt`
    """
    there = {line.partition("==")[0].strip().lower() for line in requirements.splitlines()}
    lacking = {
        name: PACKAGES[name] for name in _names(sections) if PACKAGES.get(name, "litellm") not in {*there, "litellm"}
    }
    return [
        f"{name} sends nothing: the image has no {package} (docs/litellm-config.md)."
        for name, package in lacking.items()
    ]


def _names(sections: Mapping[str, Any]) -> Iterator[str]:
    for section in ("litellm_settings", "general_settings"):
        settings = sections.get(section)
        if not isinstance(settings, dict):
            continue
        for key in _NAMED:
            value = settings.get(key)
            yield from [value] if isinstance(value, str) else filter(_is_text, value if isinstance(value, list) else ())
        if settings.get("cache"):
            params = settings.get("cache_params")
            yield str((params if isinstance(params, dict) else {}).get("type") or "redis")


def _is_text(value: object) -> bool:
    return isinstance(value, str)
