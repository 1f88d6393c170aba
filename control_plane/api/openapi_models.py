"""FastAPI's models of an OpenAPI document, imported before FastAPI itself imports them.

There are some sixty of them and pydantic builds a validator for each, a tenth of a daemon's start,
of which most daemons never use one. Told to defer that, it builds them when the document is made.
"""

import pydantic

_usual = pydantic.BaseModel.model_config
pydantic.BaseModel.model_config = pydantic.ConfigDict(defer_build=True)
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    pydantic.BaseModel.model_config = _usual
