"""LiteLLM configurations of the kinds that people publish: in its documentation, in repositories, in dotfiles.

Each is written for these tests. The real LiteLLM is asked once whether it takes what run-claude makes of them.
"""

# ruff: noqa: E501 (a row of a configuration is a line)

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PUBLISHED", "names", "variables"]

PUBLISHED: Mapping[str, str] = {
    "quick-start": """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/chat-eu, api_base: os.environ/AZURE_API_BASE, api_key: os.environ/AZURE_API_KEY}
""",
    "load-balancing": """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/eu, api_base: "https://eu.example/", api_key: os.environ/AZURE_KEY_EU, rpm: 6}
  - model_name: gpt
    litellm_params: {model: azure/ca, api_base: "https://ca.example/", api_key: os.environ/AZURE_KEY_CA, rpm: 6}
  - model_name: gpt
    litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}
router_settings:
  routing_strategy: usage-based-routing-v2
  num_retries: 2
  timeout: 30
""",
    "limits-in-the-row": """
model_list:
  - model_name: fast
    litellm_params: {model: groq/openai/gpt-oss-120b, api_key: os.environ/GROQ_API_KEY}
    rpm: 30
    tpm: 6000
    max_parallel_requests: 5
  - model_name: fast
    litellm_params: {model: cerebras/gpt-oss-120b, api_key: os.environ/CEREBRAS_API_KEY, weight: 2}
    tpm: 60000
router_settings: {routing_strategy: simple-shuffle, enable_pre_call_checks: true}
""",
    "every-provider-by-wildcard": """
model_list:
  - model_name: "*"
    litellm_params: {model: "*"}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
litellm_settings: {drop_params: true, set_verbose: false}
""",
    "provider-wildcards": """
model_list:
  - {model_name: "anthropic/*", litellm_params: {model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: "my-*-model", litellm_params: {model: "groq/*", api_key: os.environ/GROQ_API_KEY}}
""",
    "fallbacks": """
model_list:
  - {model_name: main, litellm_params: {model: anthropic/claude-opus-5-5, api_key: os.environ/ANTHROPIC_API_KEY}}
  - {model_name: spare, litellm_params: {model: openrouter/anthropic/claude-opus-5.5, api_key: os.environ/OPENROUTER_API_KEY}}
  - {model_name: big, litellm_params: {model: gemini/gemini-4-argon, api_key: os.environ/GEMINI_API_KEY}}
litellm_settings:
  num_retries: 3
  request_timeout: 600
  fallbacks: [{main: [spare]}]
  context_window_fallbacks: [{main: [big]}]
  default_fallbacks: [spare]
  allowed_fails: 3
""",
    "router-in-full": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6.1-sol, api_key: os.environ/OPENAI_API_KEY}}
router_settings:
  routing_strategy: latency-based-routing
  routing_strategy_args: {ttl: 10}
  model_group_alias: {gpt-4: main}
  retry_policy: {AuthenticationErrorRetries: 3, RateLimitErrorRetries: 4}
  allowed_fails_policy: {InternalServerErrorAllowedFails: 20}
  cooldown_time: 30
  enable_tag_filtering: true
""",
    "redis": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings:
  cache: true
  cache_params: {type: redis, host: os.environ/REDIS_HOST, port: os.environ/REDIS_PORT, password: os.environ/REDIS_PASSWORD, ttl: 600, namespace: litellm.caching}
router_settings: {redis_host: os.environ/REDIS_HOST, redis_port: os.environ/REDIS_PORT, redis_password: os.environ/REDIS_PASSWORD}
""",
    "cache-in-memory": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings: {cache: true, cache_params: {type: local, mode: default_off, supported_call_types: [acompletion]}}
""",
    "cache-in-s3": """
model_list:
  - {model_name: main, litellm_params: {model: bedrock/global.anthropic.claude-sonnet-5-5, aws_region_name: us-east-1}}
litellm_settings:
  cache: true
  cache_params: {type: s3, s3_bucket_name: os.environ/CACHE_BUCKET, s3_region_name: us-west-2, s3_aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID, s3_aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY}
""",
    "environment-in-the-file": """
environment_variables:
  REDIS_HOST: localhost
  REDIS_PORT: 6379
  LANGFUSE_HOST: http://localhost:3000
  GATEWAY: https://gateway.example/v1
  FORWARDED: os.environ/ELSEWHERE
model_list:
  - {model_name: main, litellm_params: {model: openai/x, api_base: os.environ/GATEWAY, api_key: os.environ/GATEWAY_KEY}}
""",
    "slack-alerts": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
general_settings:
  alerting: [slack]
  alerting_threshold: 300
  alert_types: [llm_exceptions, budget_alerts]
  alerting_args: {daily_report_frequency: 43200}
""",
    "logging-to-s3": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings:
  success_callback: [s3_v2]
  s3_callback_params: {s3_bucket_name: logs, s3_region_name: us-west-2, s3_aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID, s3_aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY, s3_path: requests}
""",
    "langfuse": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings: {success_callback: [langfuse], failure_callback: [langfuse], langfuse_default_tags: [proxy_base_url]}
environment_variables: {LANGFUSE_PUBLIC_KEY: os.environ/LANGFUSE_PUBLIC_KEY, LANGFUSE_HOST: "http://localhost:3000"}
""",
    "traces": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings: {callbacks: [otel]}
""",
    "datadog": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings: {callbacks: [datadog], turn_off_message_logging: true}
""",
    "metrics-as-one-word": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
litellm_settings: {callbacks: prometheus, service_callback: [prometheus_system], json_logs: true}
""",
    "guardrails": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
guardrails:
  - guardrail_name: pii
    litellm_params: {guardrail: presidio, mode: pre_call, presidio_analyzer_api_base: "http://localhost:5002", presidio_anonymizer_api_base: "http://localhost:5001", pii_entities_config: {CREDIT_CARD: MASK, EMAIL_ADDRESS: BLOCK}}
  - guardrail_name: injections
    litellm_params: {guardrail: lakera_v2, mode: [pre_call, during_call], api_key: os.environ/LAKERA_API_KEY, api_base: os.environ/LAKERA_API_BASE, default_on: false}
    guardrail_info: {params: [{name: score, type: float, description: between 0 and 1}]}
""",
    "mcp-servers": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
mcp_servers:
  docs: {url: "https://mcp.invalid/mcp", transport: http, description: documentation}
  tickets: {url: "https://tickets.invalid/sse", transport: sse, auth_type: bearer_token, auth_value: os.environ/TICKETS_TOKEN}
""",
    "credentials-by-name": """
model_list:
  - {model_name: main, litellm_params: {model: azure/gpt, litellm_credential_name: company}}
credential_list:
  - credential_name: company
    credential_values: {api_key: os.environ/AZURE_API_KEY, api_base: os.environ/AZURE_API_BASE, api_version: "2026-01-01"}
    credential_info: {description: the company's account, custom_llm_provider: azure}
""",
    "vertex": """
model_list:
  - model_name: gemini
    litellm_params: {model: vertex_ai/gemini-3.8-flash, vertex_project: os.environ/VERTEXAI_PROJECT, vertex_location: us-central1, vertex_credentials: os.environ/VERTEXAI_CREDENTIALS}
  - model_name: claude
    litellm_params: {model: vertex_ai/claude-opus-5-5, vertex_ai_project: my-project, vertex_ai_location: us-east5}
""",
    "bedrock": """
model_list:
  - model_name: claude
    litellm_params: {model: bedrock/global.anthropic.claude-opus-5-5, aws_access_key_id: os.environ/MY_AWS_ID, aws_secret_access_key: os.environ/MY_AWS_SECRET, aws_region_name: eu-central-1}
  - model_name: guarded
    litellm_params: {model: bedrock/anthropic.claude-v2, aws_profile_name: dev, guardrailConfig: {guardrailIdentifier: ff6ujrregl1q, guardrailVersion: DRAFT, trace: disabled}}
""",
    "azure-by-token": """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/gpt, api_base: os.environ/AZURE_API_BASE, api_version: "2026-01-01", azure_ad_token: "oidc/google/https://gateway.example"}
  - model_name: gpt-by-client
    litellm_params: {model: azure/gpt, api_base: os.environ/AZURE_API_BASE, tenant_id: os.environ/AZURE_TENANT_ID, client_id: os.environ/AZURE_CLIENT_ID, client_secret: os.environ/AZURE_CLIENT_SECRET}
""",
    "local-servers": """
model_list:
  - {model_name: coder, litellm_params: {model: ollama_chat/qwen3-coder, api_base: "http://localhost:11434", keep_alive: 5m}}
  - {model_name: llama-cpp, litellm_params: {model: openai/any, api_base: "http://127.0.0.1:8080/v1", api_key: sk-no-key-required}}
  - {model_name: studio, litellm_params: {model: lm_studio/qwen, api_base: "http://localhost:1234/v1", api_key: lm-studio}}
  - {model_name: vllm, litellm_params: {model: hosted_vllm/qwen, api_base: "http://gpu.lan:8000/v1", max_tokens: 8192}}
""",
    "headers": """
model_list:
  - model_name: claude-opus-5-5
    litellm_params:
      model: openai/claude-opus-5.5
      api_base: https://gateway.example/v1
      api_key: os.environ/GATEWAY_KEY
      extra_headers: {Editor-Version: vscode/1.110.0, X-Project: agents, Authorization: os.environ/GATEWAY_AUTHORIZATION}
litellm_settings: {drop_params: true}
""",
    "what-a-model-is": """
model_list:
  - model_name: main
    litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY, input_cost_per_token: 0.000001, output_cost_per_token: 0.000002, max_budget: 10, budget_duration: 30d, tags: [paid]}
    model_info: {id: luna-1, mode: chat, base_model: gpt-6-luna, max_input_tokens: 200000, supports_vision: true, access_groups: [beta], metadata: {owner: me}}
  - model_name: embed
    litellm_params: {model: openai/text-embedding-3-small, api_key: os.environ/OPENAI_API_KEY}
    model_info: {mode: embedding}
""",
    "admin": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
  database_connection_pool_limit: 10
  store_model_in_db: true
  proxy_batch_write_at: 60
  disable_spend_logs: false
  health_check_interval: 300
  global_max_parallel_requests: 100
  litellm_key_header_name: X-LiteLLM-Key
litellm_settings:
  default_internal_user_params: {user_role: internal_user, max_budget: 5}
  upperbound_key_generate_params: {max_budget: 100, duration: 30d}
  max_budget: 100
  budget_duration: 30d
""",
    "pass-through": """
model_list:
  - {model_name: main, litellm_params: {model: cohere_chat/command-a, api_key: os.environ/COHERE_API_KEY}}
general_settings:
  pass_through_endpoints:
    - {path: /v1/rerank, target: "https://api.cohere.example/v1/rerank", headers: {Authorization: os.environ/COHERE_AUTHORIZATION, content-type: application/json}}
default_vertex_config: {vertex_project: os.environ/VERTEXAI_PROJECT, vertex_location: us-central1}
""",
    "anchors": """
x-defaults: &defaults {api_key: os.environ/OPENROUTER_API_KEY, timeout: 120}
model_list:
  - {model_name: opus, litellm_params: {<<: *defaults, model: openrouter/anthropic/claude-opus-5.5}}
  - {model_name: haiku, litellm_params: {<<: *defaults, model: openrouter/anthropic/claude-haiku-5.5}}
""",
    "claude-code-by-tiers": """
model_list:
  - {model_name: claude-opus-5-5, litellm_params: {model: zai/glm-5.3, api_key: os.environ/ZAI_API_KEY, additional_drop_params: [thinking]}}
  - {model_name: claude-sonnet-5-5, litellm_params: {model: moonshot/kimi-k3, api_key: os.environ/MOONSHOT_API_KEY, extra_headers: {x-project: agents}}}
  - {model_name: claude-haiku-5-5, litellm_params: {model: deepseek/deepseek-v4-flash}}
litellm_settings: {modify_params: true, telemetry: false}
""",
    "prompts-and-search": """
model_list:
  - {model_name: main, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
search_tools:
  - {search_tool_name: web, litellm_params: {search_provider: tavily, api_key: os.environ/TAVILY_API_KEY}}
vector_store_registry:
  - {vector_store_name: kb, litellm_params: {vector_store_id: vs_1, custom_llm_provider: bedrock, vector_store_description: handbook}}
callback_settings: {otel: {message_logging: false}}
""",
}


def names(text: str) -> set[str]:
    """Return the names of a configuration's models."""
    return {found.strip("\"'") for found in re.findall(r"model_name: (\"[^\"]+\"|[^,}\s]+)", text)}


def variables(text: str) -> set[str]:
    """Return the variables that a configuration refers to."""
    return set(re.findall(r"os\.environ/(\w+)", text))
