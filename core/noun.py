"""The base class of all nouns."""

from pydantic import BaseModel, ConfigDict


class Noun(BaseModel):
    """A frozen value that refuses unknown keys."""

    # Field docstrings become schema descriptions in `core/describe.py`: pydantic's own
    # `use_attribute_docstrings` parses every class's source at each start.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
