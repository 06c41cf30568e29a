"""Makes an environment with the packages of a file of requirements, unless it is there. One makes it, whoever else wants it waits.

python_environment.py <store> <name> <mark> <requirements>
"""

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

store, name, mark, requirements = Path(sys.argv[1]), *sys.argv[2:]
folder = store / f"{name}-{mark}"
# Written last: an environment whose making was broken off has none.
complete = folder / "complete"

store.mkdir(parents=True, exist_ok=True)
with open(store / f"{name}.lock", "w") as lock:
    # The system lets go of it when this process ends, in whatever way.
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not complete.exists():
        for other in store.iterdir():
            if re.fullmatch(re.escape(name) + "-[0-9a-f]{12}", other.name):
                shutil.rmtree(other)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", requirements], check=True)
        complete.touch()
