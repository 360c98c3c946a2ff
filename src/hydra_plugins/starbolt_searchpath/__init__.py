"""Puts the user's own conf folder, in the current directory, in front of the packaged one."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class OwnConf(SearchPathPlugin):
    """Hydra finds this plugin by itself, and calls it whenever it composes."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        ours = any("starbolt" in (part.path or "") or part.provider == "main" for part in search_path.get_path())
        from starbolt.compose import own_conf

        if ours and (folder := own_conf()):
            search_path.prepend(provider="starbolt", path=f"file://{folder}")
