"""How pytest collects a lesson: each of its cells is a test, run in this environment's kernel.

Set here and not as flags in pyproject.toml, so that one test file runs where nbval is not
installed.
"""


def pytest_configure(config):
    if config.pluginmanager.hasplugin("nbval"):
        config.option.nbval_lax = True
        config.option.nbval_current_env = True
        config.option.nbval_cell_timeout = 600
