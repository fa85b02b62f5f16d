"""The Lambda functions of the stack (infra/template.yaml): ping, ingest, checker, web.

Each has a module of its own whose import is the cold start: it loads what that function needs and nothing else, and
builds it from the environment in Lambda's init phase. `NAME.handler` is what the template names.
"""
