"""The stack's Lambda functions (infra/template.yaml): ping, ingest, checker, web, trigger, launcher.

Each has a module of its own whose import is the cold start: it loads only what that function needs, and
builds it from the environment in Lambda's init phase. The template names `NAME.handler`.
"""
