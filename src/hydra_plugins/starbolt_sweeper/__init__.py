"""hydra/sweeper=starbolt: Hydra's door to `starbolt.sweep`. Hydra imports this at each start, so it imports late."""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper


@dataclass
class Conf:
    """Nothing: what a sweep does is said in sweep.* and launcher.*"""

    _target_: str = "hydra_plugins.starbolt_sweeper.StarboltSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="starbolt", node=Conf, provider="starbolt")


class StarboltSweeper(Sweeper):
    """Hands the words over, and a way to compose each trial's."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Called by Hydra, before `sweep`."""
        from hydra.core.plugins import Plugins

        self.config, self.loader = config, hydra_context.config_loader
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Every trial of the sweep that these override words are."""
        from starbolt.sweep import Sweep

        def compose(words: list[str]) -> Any:
            return self.loader.load_sweep_config(self.config, words)

        Sweep(self.config, compose, arguments, self.launcher).run()
