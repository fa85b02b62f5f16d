"""What a decision may set is what a state has: no field more, none less, and of the same types."""

from typing import get_type_hints

from heartbeat.model import State
from heartbeat.model.state_fields import StateFields


def test_the_fields_that_may_be_set_are_those_of_a_state():
    hints = get_type_hints(State)
    assert get_type_hints(StateFields) == {name: hints[name] for name in State.__struct_fields__}
    assert list(StateFields.__annotations__) == list(State.__struct_fields__)
    assert StateFields.__required_keys__ == frozenset()
