"""JupyterHub for a class on one server; docs/classroom.md says how to set it up.

Each student has a container of the image that the Dockerfile beside this makes, and a volume for
the home folder. All share the class's folder, which they cannot write: ``images`` has the data
sets, ``lessons.git`` the lessons.
"""

import os
import sys
from pathlib import Path

import nativeauthenticator

c = get_config()  # noqa: F821, JupyterHub provides it

FOLDER = Path(os.environ.get("CLASSROOM", "/srv/classroom"))
for needed, command in {
    "images/mnist.npz": f"python -m aetutor download --to {FOLDER}/images",
    "images/cifar10.npz": f"python -m aetutor download --to {FOLDER}/images",
    "lessons.git": f"git clone --bare --branch main ADDRESS {FOLDER}/lessons.git",
}.items():
    if not (FOLDER / needed).exists():
        sys.exit(f"The class's folder has no {needed}. This makes it: {command}")

# Students sign up, and the teacher lets them in, at /hub/authorize. The name "teacher" is an
# administrator's: sign up with it first.
c.JupyterHub.authenticator_class = "native"
c.JupyterHub.template_paths = [str(Path(nativeauthenticator.__file__).parent / "templates")]
c.NativeAuthenticator.minimum_password_length = 10
c.NativeAuthenticator.allowed_failed_logins = 5
c.Authenticator.allow_all = True  # of those who were let in
c.Authenticator.admin_users = {"teacher"}

c.JupyterHub.spawner_class = "docker"
c.JupyterHub.hub_ip = "172.17.0.1"  # where containers find their host: docker0
c.DockerSpawner.image = "aetutor-student"
c.DockerSpawner.remove = True  # the container when its server stops; the volume stays
c.DockerSpawner.volumes = {"student-{username}": "/home/student"}
c.DockerSpawner.read_only_volumes = {str(FOLDER): str(FOLDER)}
c.DockerSpawner.extra_host_config = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 512,
}
c.Spawner.cmd = ["start-student"]
c.Spawner.default_url = "/lab/tree/lessons/notebooks"
c.Spawner.environment = {
    "AETUTOR_DATA": str(FOLDER / "images"),
    "LESSONS": (FOLDER / "lessons.git").as_uri(),  # as a plain path, all of its history is copied
}
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_limit = 2
c.Spawner.start_timeout = c.Spawner.http_timeout = 120  # seconds; thirty come at once

# A server that nobody has used for an hour is stopped; the work stays in the volume.
c.JupyterHub.services = [
    {
        "name": "culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "culler",
        "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
