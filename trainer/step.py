"""One step of training, free of the host: augment, forward, loss, backward, update, average.

All that changes from step to step (which faces, random numbers, learning rate, lambda) lies in
tables on the device and is read by a counter on the device. So a step takes no arguments and
nothing waits for the device; on CUDA the whole of it becomes one CUDA graph, launched by one call.

Axes: N faces of the split, B faces of a step, C features, K expressions, S steps of an epoch.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ferdesk.core.labels import NUM_LABELS
from trainer.augment import augment, cut_mix
from trainer.config import Recipe
from trainer.data import Faces
from trainer.distributed import ALONE, Group
from trainer.losses import (
    a_softmax_logits,
    cross_entropy,
    distillation,
    squared_hinge,
    vote_loss,
)
from trainer.models import Network
from trainer.plan import EpochPlan, plan_epoch

_WARM_UPS = 3
"""Steps before a capture: compiling, cuDNN's search for algorithms, lazily made buffers."""


class TrainingStep:
    """The step of one run; call it once a step, after ``begin_epoch``.

    Args:
        recipe: of the run.
        network: is trained, in place.
        averaged: follows ``network``'s weights where the recipe averages, else None.
        training: the faces; copied to the network's device once, as uint8.
        bf16: convolutions in bfloat16; losses and weights stay in float32.
        compiled: use torch.compile; without a compiler that works the run goes on without.
        group: the processes that share the batch.
        autotune: let the compiler time many kernels, which takes minutes; for long runs on GPUs.
        teachers: networks on the same device whose opinion of the same views is learned too.
        taught_NK: the teachers' probabilities for each face of ``training`` at the temperature of
            distillation, [N, 7] float32, where they looked once for all; then without teachers.
        votes_NK: each label's share of the voters of each face, [N, 7] float32, where the recipe
            has a head for them.
        notice: takes a sentence for the user.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        averaged: Network | None,
        training: Faces,
        *,
        bf16: bool = False,
        compiled: bool = False,
        group: Group = ALONE,
        autotune: bool = False,
        teachers: Sequence[Network] = (),
        taught_NK: Tensor | None = None,
        votes_NK: Tensor | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.recipe, self.network, self.averaged = recipe, network, averaged
        self.device = next(network.parameters()).device
        self.bf16, self.group, self.notice = bf16, group, notice
        self.teachers = [teacher.eval().requires_grad_(False) for teacher in teachers]
        self.taught_NK = None if taught_NK is None else taught_NK.to(self.device)
        self.votes_NK = None if votes_NK is None else votes_NK.to(self.device)
        self.steps_per_epoch = len(training) // recipe.batch
        self.pixels_NHW = torch.from_numpy(training.pixels).to(self.device)
        self.labels_N = torch.from_numpy(training.labels).to(self.device)
        counts_K = torch.bincount(self.labels_N, minlength=NUM_LABELS).float()
        self._prior_K = recipe.logit_adjust * ((counts_K + 1) / (counts_K + 1).sum()).log()
        self.losses_S = torch.zeros(self.steps_per_epoch, device=self.device)
        """This process's loss of each step of the epoch, filled as they are made."""
        self._rate = torch.tensor(recipe.learning_rate, device=self.device)
        self.optimizer = make_optimizer(network, recipe, self._rate)
        self._epoch = 0
        self._counter = torch.zeros(1, dtype=torch.int64, device=self.device)
        first = plan_epoch(recipe, len(training), 0, group)
        self._plan = EpochPlan(*(table.to(self.device) for table in first.tables()))
        self._draws = recipe.dropout > 0
        self._within = 0
        self._loss = self._loss_of_batch
        # the exchange between processors cannot be compiled
        compiled = compiled and not (group.size > 1 and self.device.type == "cpu")
        self._compiles, self._autotune = compiled, autotune
        self._captures = self.device.type == "cuda" and group.size == 1
        self._prepared = not (self._compiles or self._captures)
        self._graph: torch.cuda.CUDAGraph | None = None

    def load_optimizer(self, state: dict[str, Any]) -> None:
        """Go on with a checkpoint's momentum."""
        self.optimizer.load_state_dict(state)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate
            group["fused"] = True

    @property
    def rate(self) -> float:
        """The learning rate of the last step; waits for the device."""
        return float(self._rate.item())

    def lay_rate(self, rate: float) -> None:
        """Give the next step another learning rate than the epoch's plan."""
        self._plan.rate_S[self._within] = rate

    def begin_epoch(self, epoch: int, within: int = 0) -> None:
        """Lay out ``epoch``'s plan, and stand before its step ``within``."""
        plan = plan_epoch(self.recipe, len(self.labels_N), epoch, self.group)
        for table, new in zip(self._plan.tables(), plan.tables(), strict=True):
            table.copy_(new)
        self._counter.fill_(within)
        self._epoch, self._within = epoch, within

    def __call__(self) -> None:
        """Make the next step of the epoch."""
        if not self._prepared:
            self._prepare()
        if self._draws:  # a step's dropout depends on nothing that happened before it
            step = self._epoch * self.steps_per_epoch + self._within
            torch.manual_seed((self.recipe.seed * 1_000_003 + step) * 4096 + self.group.rank)
        if self._graph is None:
            self._step()
        else:
            self._graph.replay()
        self._within += 1

    def _step(self) -> None:
        plan, counter = self._plan, self._counter
        indices_B = plan.order_SB.index_select(0, counter)[0]
        random_BD = plan.random_SBD.index_select(0, counter)[0]
        self._rate.copy_(plan.rate_S.index_select(0, counter)[0])
        self.optimizer.zero_grad(set_to_none=True)
        batch: tuple[Tensor | None, ...] = (
            self.pixels_NHW.index_select(0, indices_B), self.labels_N.index_select(0, indices_B),
            random_BD, plan.share_S.index_select(0, counter)[0],
            plan.annealing_S.index_select(0, counter)[0],
            *(
                None if table_NK is None else table_NK.index_select(0, indices_B)
                for table_NK in (self.taught_NK, self.votes_NK)
            ),
        )  # fmt: skip
        loss = self._slope(batch)
        if self.recipe.sam_rho:
            self._slope_uphill(batch)
        self.optimizer.step()
        if self.averaged is not None:
            follow(self.averaged, self.network, plan.keep_S.index_select(0, counter)[0])
        self.losses_S.index_copy_(0, counter, loss.detach()[None])
        counter += 1

    def _slope(self, batch: tuple[Tensor | None, ...]) -> Tensor:
        """Put the loss's slope into the gradients; returns the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss: Tensor = self._loss(*batch)  # type: ignore[arg-type]  # the last two may be None
        loss.backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.network.parameters())
        return loss

    def _slope_uphill(self, batch: tuple[Tensor | None, ...]) -> None:
        """Replace the slope by the one a step uphill (Foret et al., 2021; Kwon et al., 2021).

        The norms' statistics are of the first look alone.
        """
        weights: list[Tensor] = []
        uphill: list[Tensor] = []
        for parameter in self.network.parameters():
            if parameter.grad is not None:
                weights.append(parameter)
                uphill.append(parameter.grad)
        buffers = list(self.network.buffers())
        with torch.no_grad():
            sizes = torch._foreach_abs(weights) if self.recipe.sam_adaptive else None
            if sizes is not None:
                uphill = list(torch._foreach_mul(sizes, uphill))
            length = torch.stack(torch._foreach_norm(uphill)).norm()
            if sizes is not None:
                uphill = list(torch._foreach_mul(sizes, uphill))
            uphill = list(torch._foreach_mul(uphill, self.recipe.sam_rho / (length + 1e-12)))
            kept = [value.clone() for value in (*weights, *buffers)]
            torch._foreach_add_(weights, uphill)
        self._slope(batch)
        with torch.no_grad():
            torch._foreach_copy_([*weights, *buffers], kept)

    def _loss_of_batch(
        self,
        faces_BHW: Tensor,
        target_B: Tensor,
        random_BD: Tensor,
        share: Tensor,
        annealing: Tensor,
        taught_BK: Tensor | None = None,
        votes_BK: Tensor | None = None,
    ) -> Tensor:
        recipe = self.recipe
        x_B1HW = augment(faces_BHW, recipe, random_BD)
        # how much of each face is its own; None where all of it is
        own_B: Tensor | None = None
        if recipe.mixup:
            own_B = share.expand(len(x_B1HW))
        if recipe.cutmix:
            cut_B1HW, cut_own_B = cut_mix(x_B1HW, recipe.cutmix, random_BD)
            if own_B is not None:  # one or the other, for each face
                uncut_B = cut_own_B == 1
                own_B = torch.where(uncut_B, own_B, cut_own_B)
                mixed_B1HW = share * x_B1HW + (1 - share) * x_B1HW.flip(0)
                x_B1HW = torch.where(uncut_B[:, None, None, None], mixed_B1HW, cut_B1HW)
            else:
                own_B, x_B1HW = cut_own_B, cut_B1HW
        elif recipe.mixup:
            x_B1HW = share * x_B1HW + (1 - share) * x_B1HW.flip(0)
        x_B1HW = x_B1HW.contiguous(memory_format=memory_format(recipe, self.device))
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            embedding_BC = self.network.embed(x_B1HW)
        embedding_BC = embedding_BC.float()
        loss_B = self._loss_of(embedding_BC, target_B, annealing)
        if own_B is not None:
            other_B = self._loss_of(embedding_BC, target_B.flip(0), annealing)
            loss_B = own_B * loss_B + (1 - own_B) * other_B
        loss = loss_B.mean()
        if self.teachers:
            with torch.no_grad():
                taught_BK = self._taught(x_B1HW)
        elif taught_BK is not None and own_B is not None:  # they saw whole faces
            taught_BK = own_B[:, None] * taught_BK + (1 - own_B)[:, None] * taught_BK.flip(0)
        if taught_BK is not None:
            student_BK = self.network.classify(embedding_BC)
            learned = distillation(student_BK, taught_BK, recipe.distill_temperature)
            loss = (1 - recipe.distill_alpha) * loss + recipe.distill_alpha * learned
        if votes_BK is not None:
            if own_B is not None:
                votes_BK = own_B[:, None] * votes_BK + (1 - own_B)[:, None] * votes_BK.flip(0)
            crowd_BK = self.network.classify_crowd(embedding_BC)
            loss = loss + recipe.crowd_weight * vote_loss(crowd_BK, votes_BK).mean()
        return loss

    def _taught(self, x_B1HW: Tensor) -> Tensor:
        """The teachers' mean probabilities [B, K] at the temperature of distillation."""
        opinions = []
        for teacher in self.teachers:
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                logits_BK = teacher(x_B1HW)
            opinions.append((logits_BK.float() / self.recipe.distill_temperature).softmax(1))
        return torch.stack(opinions).mean(0)

    def _loss_of(self, embedding_BC: Tensor, target_B: Tensor, annealing: Tensor) -> Tensor:
        recipe = self.recipe
        if recipe.loss == "a-softmax":
            logits_BK = a_softmax_logits(
                embedding_BC, self.network.class_weight(), target_B, recipe.margin, annealing
            )
        else:
            logits_BK = self.network.classify(embedding_BC)
        if recipe.loss == "squared-hinge":
            return squared_hinge(logits_BK, target_B)
        if recipe.logit_adjust:
            logits_BK = logits_BK + self._prior_K
        return cross_entropy(logits_BK, target_B, recipe.label_smoothing)

    def _state(self) -> list[Tensor]:
        """Everything that a step changes."""
        momentum = [
            value
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]
        followers = [] if self.averaged is None else list(self.averaged.state_dict().values())
        return [
            *self.network.state_dict().values(), *followers, *momentum, self._counter,
            self.losses_S, self._rate,
        ]  # fmt: skip

    def _prepare(self) -> None:
        """Compile and capture by steps on trial, then put back everything that they changed."""
        self._prepared = True
        before = [value.clone() for value in self._state()]
        try:
            if self._compiles:
                self._try_compiled()
            if self._captures:
                self._try_capture(before)
        finally:
            self.optimizer.zero_grad(set_to_none=True)
            self._put_back(before)

    def _put_back(self, before: Iterable[Tensor]) -> None:
        with torch.no_grad():
            for value, kept in zip(self._state(), before, strict=True):
                value.copy_(kept)

    def _try_compiled(self) -> None:
        mode = "max-autotune-no-cudagraphs" if self._autotune else None
        # a process that trains many recipes would reach the compiler's limit of eight versions of
        # one function, and silently go on without
        torch.compiler.reset()
        self._loss = torch.compile(self._loss_of_batch, mode=mode, dynamic=False)
        try:
            self._step()
        except RuntimeError as error:  # the compiler's errors are of this kind
            if is_out_of_memory(error):
                raise
            self._loss = self._loss_of_batch
            self.notice(
                f"torch.compile does not work here ({_first_line(error)}); training goes on "
                "without it, more slowly. --no-compile does so at once."
            )

    def _try_capture(self, before: list[Tensor]) -> None:
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._counter.zero_()
                self._step()
        torch.cuda.current_stream(self.device).wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        self._put_back(before)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._step()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.notice(
                f"The step cannot be captured as a CUDA graph ({_first_line(error)}); training "
                "goes on without, which costs speed at small batches."
            )
            return
        self._graph = graph


def memory_format(recipe: Recipe, device: torch.device) -> torch.memory_format:
    """Channels last, but not for the narrow nets of tests on a processor.

    There torch 2.14 (oneDNN 3.12) writes past the end of arrays of 4 channels.
    """
    narrow = recipe.width < 8 and device.type == "cpu"
    return torch.contiguous_format if narrow else torch.channels_last


def make_optimizer(
    network: nn.Module, recipe: Recipe, rate: Tensor | float
) -> torch.optim.Optimizer:
    """SGD; norms, biases and a head of unit rows are not decayed. Its momentum starts at 0."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        unit_rows = name == "head.weight" and recipe.loss == "a-softmax"
        (kept if parameter.ndim < 2 or unit_rows else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(
        groups, lr=rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )
    if recipe.momentum:
        # torch makes these at the first step, which would be a step unlike all others
        for parameter in (*decayed, *kept):
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, keep: Tensor) -> None:
    """Average <- keep * average + (1 - keep) * network, counters copied."""
    kept, new = [], []
    for mine, theirs in zip(
        averaged.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if mine.is_floating_point():
            kept.append(mine)
            new.append(theirs)
        else:
            mine.copy_(theirs)
    difference = torch._foreach_sub(new, kept)
    torch._foreach_mul_(difference, 1 - keep)
    torch._foreach_add_(kept, difference)


_FULL_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""How a CPU's allocator, CUDA itself, and cuBLAS and cuDNN say it, in a plain RuntimeError."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device's memory is full, whoever noticed it."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(words in said for words in _FULL_MEMORY)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
