"""docs/snippets.md."""

from pages import ROOT, Block, Page

__all__ = ["ADDRESS", "KEY", "PAGE", "ROOT", "Block", "block", "blocks"]

ADDRESS, KEY = "https://heartbeat.example.org", "0123456789abcdefghijkl"
"""What the page shows, and every reader puts their own for."""
_PAGE = Page("snippets.md")
PAGE, block, blocks = _PAGE.text, _PAGE.block, _PAGE.blocks
