"""The hub of classroom/, with processes in place of containers; test_classroom.py starts it.

Each student's server runs under a user id of its own, in a home folder that is closed to others,
with the memory limit as a limit of the process and the environment that the image sets.
"""

import os
import re
import resource
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

c = get_config()  # noqa: F821, JupyterHub provides it

CLASSROOM = Path(__file__).parents[1] / "classroom"
load_subconfig(str(CLASSROOM / "jupyterhub_config.py"))  # noqa: F821

STUDENTS = os.environ["STUDENTS"].split()
FIRST_UID = 60_001  # of nobody


class StudentProcess(SimpleLocalProcessSpawner):
    """A process of JupyterHub's simple spawner that gives up being root."""

    def make_preexec_fn(self, name):
        uid = FIRST_UID + STUDENTS.index(name)
        home, memory = Path(self.home_dir), self.mem_limit

        def become_the_student():
            home.mkdir(mode=0o700, exist_ok=True)
            os.chown(home, uid, uid)
            os.chdir(home)
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)

        return become_the_student


c.JupyterHub.spawner_class = StudentProcess
c.StudentProcess.home_dir_template = os.environ["HOMES"] + "/{username}"
c.Spawner.cmd = [str(CLASSROOM / "start-student")]
# Containers have a network each. Here kernels would take each other's ports, and a port of a
# kernel's outputs is open to everybody on the machine; a socket in a closed home folder is not.
c.Spawner.args = ["--KernelManager.transport=ipc"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 600  # in CI, beside other tests
c.Spawner.env_keep = ["PATH", "JUPYTER_PATH"]
# What the Dockerfile sets in the image: variables, and git's configuration.
c.Spawner.environment |= dict(
    re.findall(r"^ENV (\w+)=(\S+)", (CLASSROOM / "Dockerfile").read_text(), re.MULTILINE)
)
c.Spawner.environment["GIT_CONFIG_SYSTEM"] = os.environ["GIT_CONFIG_SYSTEM"]

c.JupyterHub.bind_url = os.environ["ADDRESS"]
c.JupyterHub.hub_bind_url = os.environ["HUB_ADDRESS"]
c.JupyterHub.hub_ip = "127.0.0.1"
c.ConfigurableHTTPProxy.api_url = os.environ["PROXY_ADDRESS"]
c.JupyterHub.services += [{"name": "driver", "api_token": os.environ["DRIVER_TOKEN"]}]
c.JupyterHub.load_roles += [
    {
        "name": "driver",
        "services": ["driver"],
        "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"],
    }
]
