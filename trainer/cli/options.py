"""Options that several commands of ``ferdesk-train`` share: the same words and limits in each."""

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
    int, typer.Option(min=1, help="Networks trained side by side, on one GPU or several.")
]
Minutes = Annotated[
    float, typer.Option(help="Stop after so many; the same command goes on. 0: no limit.")
]
ReportOnly = Annotated[
    bool, typer.Option("--report-only", help="Train nothing, write the report anew.")
]
Unofficial = Annotated[bool, typer.Option(help="Accept other row counts than FER2013's own.")]
