"""Loop files as nnActive writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write(folder: Path, *loops: Any) -> Path:
    """loop_000.json, loop_001.json, ... with these patches."""
    folder.mkdir(exist_ok=True)
    for number, patches in enumerate(loops):
        (folder / f"loop_{number:03d}.json").write_text(json.dumps({"patches": patches}))
    return folder


def patch(file: str = "plain.nii.gz", coords: Any = (0, 0, 0), size: Any = (2, 2, 2)) -> dict[str, Any]:
    return {"file": file, "coords": list(coords), "size": size}
