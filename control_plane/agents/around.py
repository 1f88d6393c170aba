"""An agent together with what is done beside its work."""

from control_plane.domain.ports.agent import Agent


class Around:
    """Looks like `agent` to whoever watches it; ``run`` is the subclass's."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.name = agent.name
        self.ready = agent.ready

    @property
    def problem(self) -> str | None:
        """The agent's."""
        return self._agent.problem
