"""The Slurm of the tests is a real one."""

from __future__ import annotations


def test_two_nodes_take_a_job_each(slurm):
    said = slurm.say("srun", "-N2", "-n2", "sh", "-c", "echo $SLURMD_NODENAME")
    assert sorted(said.split()) == ["n1", "n2"]
