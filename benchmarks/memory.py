"""What a class costs in memory: several kernels at once after a lesson's first cell, on Linux."""

import asyncio
import statistics
from pathlib import Path

from jupyter_client import AsyncKernelManager

from benchmarks.lessons import setup_cell
from benchmarks.measure import OURS, Row

LESSON = next((Path(__file__).parents[1] / "notebooks").glob("06_*.ipynb"))


def memory(kernels=3):
    """Rows of megabytes for each kernel: what it alone holds, and its share of what is shared."""
    found = asyncio.run(_measured(setup_cell(LESSON), kernels))
    title = f"Memory after lesson 6's first cell, {kernels} kernels"
    return [
        Row(title, f"{OURS}, {name}", [parts[name] for parts in found], "MB")
        for name in ("private", "proportional share")
    ]


async def _measured(code, kernels):
    managers = [AsyncKernelManager() for _ in range(kernels)]
    try:
        await asyncio.gather(*[_run(manager, code) for manager in managers])
        return [_memory_of(manager.provisioner.pid) for manager in managers]
    finally:
        await asyncio.gather(*[manager.shutdown_kernel(now=True) for manager in managers])


async def _run(manager, code):
    await manager.start_kernel(cwd=str(LESSON.parent))
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=300)
    reply = await client.execute_interactive(code, timeout=600, output_hook=lambda message: None)
    client.stop_channels()
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{LESSON.name} fails: {reply['content']['evalue']}")


def _memory_of(pid):
    """Megabytes of a process, by the kernel's own sums over its mappings."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name.rstrip(":"): int(size) for name, size, _ in map(str.split, lines)}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {"private": private / 1000, "proportional share": kilobytes["Pss"] / 1000}


if __name__ == "__main__":
    for row in memory():
        print(row.question, row.contender, f"{statistics.median(row.values):.0f} {row.unit}")
