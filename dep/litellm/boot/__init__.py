"""What the entrypoint of the litellm container does before LiteLLM runs."""
