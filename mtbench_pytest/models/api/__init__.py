"""The one way to servers that speak the OpenAI protocol."""
