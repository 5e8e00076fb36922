"""Options that several commands share, with the same help and limits in each."""

from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")]
CompileModel = Annotated[
    bool | None,
    typer.Option("--compile/--no-compile", help="By default on CUDA and on CPUs with AMX."),
]
Bf16 = Annotated[
    bool | None, typer.Option(help="bfloat16; by default on CUDA and on CPUs with AMX.")
]
AtOnce = Annotated[
    int, typer.Option(min=1, help="Networks trained in parallel, on one GPU or several.")
]
ClusterAddress = Annotated[
    str,
    typer.Option(
        "--cluster", help="Train on a Ray cluster: auto, or its address; folders are shared."
    ),
]
Minutes = Annotated[
    float, typer.Option(help="Stop after so many minutes; the same command continues. 0: no limit.")
]
ReportOnly = Annotated[
    bool, typer.Option("--report-only", help="Train nothing, only write the report.")
]
Unofficial = Annotated[
    bool, typer.Option(help="Accept other face counts than FER2013's official ones.")
]
