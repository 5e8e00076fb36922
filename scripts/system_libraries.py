"""Name each system library that is missing on Linux, and the package that has it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ferdesk.display import missing_libraries as missing


def main() -> None:
    if sys.platform != "linux":
        return
    absent = missing()
    for library, package in absent.items():
        sys.stderr.write(f"The system library {library} is missing; install {package}.\n")
    if absent:
        sys.exit(f"All of them: sudo apt-get install {' '.join(sorted(set(absent.values())))}")


if __name__ == "__main__":
    main()
