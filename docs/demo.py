"""`make demo`: a cache in a temporary directory, from empty to cleaned, in about 20 seconds.

The value of the demo is made from real files: those of this repository. Three worker processes
analyse them; each analysis is slow and costs half a cent, unless another worker made it before.
"""

import ast
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cachectl import Cache

ROOT = Path(__file__).parent.parent
CONFIG = """
backend = "file"
[file]
directory = "cache"
[defaults]
ttl = "1h"
[namespaces.sources]
ttl = "7d"
[namespaces.analysis]
max_entries = 40
[namespaces.sessions]
ttl = 1
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cachectl-demo-") as directory:
        config = Path(directory, "cachectl.toml")
        config.write_text(CONFIG)
        os.environ["CACHECTL_CONFIG"] = str(config)
        show(f"cachectl warm {ROOT / 'cachectl'} --namespace sources")
        let_workers_work()
        show("cachectl stats")
        show("cachectl inspect analysis --limit 5")
        show("cachectl cleanup --dry-run")
        show("cachectl cleanup -f json")


def show(command: str) -> None:
    """Run a command as a user would, and show it."""
    print(f"\n$ {command.replace(str(ROOT), '.')}", flush=True)
    subprocess.run(shlex.split(command), check=True)


def let_workers_work() -> None:
    """Start three processes that share the cache, and wait for them."""
    print("\n# three worker processes analyse these files, sharing what they find", flush=True)
    workers = [
        subprocess.Popen([sys.executable, __file__, "worker", str(seed)]) for seed in range(3)
    ]
    if any(worker.wait() for worker in workers):
        sys.exit("a worker failed")


def work(seed: int) -> None:
    """Analyse files as requests for them come in, the popular ones more often."""
    choice = random.Random(seed)
    with Cache.open() as cache:
        sources, analysis = cache.namespace("sources"), cache.namespace("analysis")
        names = sorted(listed.key for listed in sources.entries() if listed.key.endswith(".py"))
        weights = [1 / (rank + 1) for rank in range(len(names))]
        for request, name in enumerate(choice.choices(names, weights, k=200)):
            content = sources.get(name)
            analysis.get_or_load(
                analysis.key({"file": name, "model": "ast-1"}),
                lambda content=content: analyse(content),
                cost=0.005,
                tags=[f"package:{name.partition('/')[0]}"],
            )
            cache.namespace("sessions").set(f"request:{seed}:{request}", {"file": name})
    time.sleep(1.1)  # let the sessions expire, so that there is something to clean


def analyse(content: bytes) -> dict[str, int]:
    """Stand in for a slow model: 20 ms, and half a cent."""
    time.sleep(0.02)
    tree = ast.parse(content)
    return {
        kind.__name__: sum(isinstance(node, kind) for node in ast.walk(tree))
        for kind in (ast.FunctionDef, ast.ClassDef, ast.Import, ast.Call)
    }


if __name__ == "__main__":
    work(int(sys.argv[2])) if sys.argv[1:2] == ["worker"] else main()
