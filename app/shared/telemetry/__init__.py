"""Logs, traces and metrics. Every line passes `sanitize` before it leaves the process."""
