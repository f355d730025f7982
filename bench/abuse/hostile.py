"""Hostile programs under the verifier: what is survived with each level of isolation, written to docs/security.md.

    python bench/abuse/hostile.py --json bench/abuse/hostile.json --page docs/security.md
    python bench/abuse/hostile.py --only report-on-channel

The programs are those of tests/abuse/attacks.py; each is bounded, and this process and all that it starts may hold no
more than it is given by `--memory`. The exit status is 1 where something is not as tests/abuse/attacks.py says.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from regrad.verify import Verifier

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
LEVELS = ("require", "off")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="ATTACK")
    parser.add_argument("--level", action="append", choices=LEVELS)
    parser.add_argument("--memory", type=float, default=2.0, metavar="GIB")
    parser.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--python", help="the interpreter that runs the programs")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep the results, and write the table from all of them"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="where the table goes")
    options = parser.parse_args()
    attacks = importlib.import_module("abuse.attacks")
    trial = importlib.import_module("abuse.trial")
    table = importlib.import_module("abuse.table")
    kept: dict[str, Any] = {"system": f"Linux {platform.release().partition('-')[0]}", "trials": {}}
    if options.json and options.json.exists():
        kept = json.loads(options.json.read_text())
    surprises = 0
    for level in options.level or LEVELS:
        with Verifier(
            options.python, timeout=options.timeout, memory=int(options.memory * 2**30), sandbox=level
        ) as verifier:
            for attack in attacks.ATTACKS:
                if options.only and attack.name not in options.only:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    found = trial.tried(attack, verifier, Path(folder))
                kept["trials"].setdefault(level, {})[attack.name] = asdict(found)
                expected = attack.survived if level == "require" else attack.survived_off
                surprise = expected is bool(found.harm)
                surprises += surprise
                print(f"{'SURPRISE' if surprise else '':8} {level:8} {found.attack:24}", end=" ")
                print(f"{found.verdict:15} {found.seconds:5} {', '.join(found.harm) or 'no harm'}", flush=True)
                if options.json:
                    options.json.write_text(json.dumps(kept, indent=1) + "\n")
    if options.page:
        options.page.write_text(table.with_table(options.page.read_text(), kept))
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
