"""LiteLLM callbacks and providers, baked into the image. They run inside LiteLLM; none of them imports run_claude."""
