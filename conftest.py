"""How pytest collects the lessons, and in which order everything runs.

Each cell of a lesson is a test, run by nbval in this environment's kernel. That is set here and
not by flags in pyproject.toml, so that one test file runs where nbval is not installed.
"""


def pytest_configure(config):
    if config.pluginmanager.hasplugin("nbval"):
        config.option.nbval_lax = True
        config.option.nbval_current_env = True
        config.option.nbval_cell_timeout = 600


def pytest_collection_modifyitems(items):
    """What is quick comes first, so that what fails fails early."""
    items.sort(key=rank)


def rank(item):
    """0 for quick tests, 1 for slow ones, 2 for lessons, 3 for their solutions."""
    if item.path.suffix == ".ipynb":
        return 3 if item.path.parent.name == "solutions" else 2
    return int(item.get_closest_marker("slow") is not None)
