"""The clusters that jobs can go to."""

from __future__ import annotations

import argparse
import sys

from workbench.commands.usage import Usage, store_of, whole


def cluster_command(options: argparse.Namespace) -> int:
    from workbench.runs.cluster import cluster_of, clusters, clusters_file

    if options.action == "list":
        for name, cluster in clusters().items():
            asked = {"partition": cluster.partition, "GPUs": cluster.gpus, "cores": cluster.cores, "time": cluster.time}
            print(f"{name:20} {cluster.called}: {', '.join(f'{what} {value}' for what, value in asked.items() if value)}")
        if not clusters():
            print(f"No cluster is described in {clusters_file()}; `workbench cluster --help` says how that is done.")
        return 0
    known = list(clusters())
    if not options.name and len(known) > 1:
        raise Usage(f"`workbench cluster check` needs the name of a cluster: {', '.join(known)}.")
    from workbench.runs.trial import try_out

    cluster = cluster_of(options.name or next(iter(known), "slurm"))
    works = True
    seconds = whole("--wait", options.wait, 1, 1_000_000)
    for finding in try_out(cluster, store_of(options).root, patience=seconds, say=lambda text: print(text, file=sys.stderr)):
        print(f"{finding.about:14} {'works: ' if finding.works else 'does not work: '}{finding.sentence}", flush=True)
        works &= finding.works
    print("Trainings can run there." if works else "Trainings cannot run there yet.")
    return 0 if works else 1
