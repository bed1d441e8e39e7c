"""A sealed trial as a trace: spans with OpenTelemetry's conventions for generative AI."""
