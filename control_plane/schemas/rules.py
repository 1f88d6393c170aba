"""Rules by which a rollup switches by itself (docs/concepts/switching.md)."""

from datetime import datetime

from pydantic import Field

from control_plane.schemas.common import Model


class LastSwitch(Model):
    """When a rollup last became another one, and why."""

    at: datetime
    reason: str = Field(examples=["load above 50 a second over 10 s: 73.2", "asked for"])
    rule: int | None = Field(
        default=None, description="Place of the rule that made it; null where somebody did."
    )


class RuleView(Model):
    """A rule."""

    rule: int = Field(description="Its place: the first is the strongest.")
    when: str = Field(examples=["load above 50 a second over 10 s"])
    to: str = Field(examples=["proof validity"])
    holds: bool = Field(
        description="Whether its condition is met now; of a schedule, whether a point waits."
    )
    load: float | None = Field(
        default=None,
        description="Transactions a second, over its window; null where it asks for none.",
    )
    next_at: datetime | None = Field(default=None, description="The next point of its schedule.")
    fired: int = Field(default=0, description="How often it made the rollup switch.")
    fired_at: datetime | None = Field(default=None, description="When it last did.")


class RulesView(Model):
    """A rollup's rules, and what they have done."""

    rollup: str
    private: bool = Field(description="Its privacy flag.")
    switch_interval: float | None = Field(
        default=None, description="Seconds between two switches by rule, at least."
    )
    not_before: datetime | None = Field(
        default=None, description="Until when rules wait after the last switch; null: they do not."
    )
    last: LastSwitch | None = Field(default=None, description="The last switch; null: none was.")
    rules: tuple[RuleView, ...]
