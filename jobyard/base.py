"""What the generated models have in common: they never change, and each is compiled when it is first used."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An answer of the platform, or a request to it. Fields that this version does not know are left out."""

    model_config = ConfigDict(frozen=True, defer_build=True)
