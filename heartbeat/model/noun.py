"""What all nouns are made of: msgspec's Struct, made, copied and written as JSON in C. Every ping makes seven."""

from __future__ import annotations

from msgspec import Struct

FORMAT = 1
"""The tag of the nouns that stores keep as rows. It rises only when the meaning of an old field changes."""


class Noun(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A frozen record with keyword arguments; `msgspec.structs.replace` makes its next version.

    It is written as the list of its fields in their order; a list that ends early has the defaults for the rest. So a
    new field goes last, with a default, and every old record can be read. gc=False: nouns hold no reference cycles.
    """
