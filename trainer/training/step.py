"""Training step without host synchronisation: augment, forward, loss, backward, update, EMA.

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
from trainer.data.augment import augment, cut_mix
from trainer.data.fer2013 import Faces
from trainer.models.losses import (
    a_softmax_logits,
    cross_entropy,
    distillation,
    squared_hinge,
    vote_loss,
)
from trainer.models.network import Network
from trainer.recipes.config import Recipe
from trainer.training.distributed import ALONE, Group
from trainer.training.epoch_plan import EpochPlan, plan_epoch

_WARM_UPS = 3
"""Steps before a capture: compiling, cuDNN's search for algorithms, lazily made buffers."""


class TrainingStep:
    """Training step of one run; call it once per step, after ``begin_epoch``.

    Args:
        recipe: of the run.
        network: is trained, in place.
        averaged: the exponential moving average of ``network``'s weights where the recipe has one,
            else None.
        training: the faces; copied to the network's device once, as uint8.
        bf16: convolutions in bfloat16; losses and weights stay in float32.
        compiled: use torch.compile; without a compiler that works the run goes on without.
        group: the processes that share the batch.
        cuda_graph: on CUDA, capture the whole step as one graph.
        autotune: let the compiler time many kernels, which takes minutes; for long runs on GPUs.
        teachers: networks on the same device, asked for soft targets of the same views.
        soft_targets_NK: precomputed soft targets of ``training``, [N, 7] float32 at
            ``distill_temperature``; then without teachers.
        votes_NK: each label's share of each face's voters, [N, 7] float32, where the recipe has a
            head for them.
        notice: takes a message for the user.
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
        cuda_graph: bool = True,
        autotune: bool = False,
        teachers: Sequence[Network] = (),
        soft_targets_NK: Tensor | None = None,
        votes_NK: Tensor | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.recipe, self.network, self.averaged = recipe, network, averaged
        self.device = next(network.parameters()).device
        self.bf16, self.group, self.notice = bf16, group, notice
        self.teachers = [teacher.eval().requires_grad_(False) for teacher in teachers]
        self.soft_targets_NK = None if soft_targets_NK is None else soft_targets_NK.to(self.device)
        self.votes_NK = None if votes_NK is None else votes_NK.to(self.device)
        self.steps_per_epoch = len(training) // recipe.batch
        self.pixels_NHW = torch.from_numpy(training.pixels).to(self.device)
        self.labels_N = torch.from_numpy(training.labels).to(self.device)
        counts_K = torch.bincount(self.labels_N, minlength=NUM_LABELS).float()
        self._prior_K = recipe.logit_adjust * ((counts_K + 1) / (counts_K + 1).sum()).log()
        self.losses_S = torch.zeros(self.steps_per_epoch, device=self.device)
        """This process's loss of each step of the epoch, filled step by step."""
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
        self._captures = cuda_graph and self.device.type == "cuda" and group.size == 1
        self._prepared = not (self._compiles or self._captures)
        self._graph: torch.cuda.CUDAGraph | None = None

    def load_optimizer(self, state: dict[str, Any]) -> None:
        """Restore the optimiser's momentum from a checkpoint."""
        self.optimizer.load_state_dict(state)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate
            group["fused"] = True

    def set_next_rate(self, rate: float) -> None:
        """Set another learning rate for the next step than the epoch's plan."""
        self._plan.rate_S[self._within] = rate

    def begin_epoch(self, epoch: int, within: int = 0) -> None:
        """Copy ``epoch``'s plan to the device, and continue before its step ``within``."""
        plan = plan_epoch(self.recipe, len(self.labels_N), epoch, self.group)
        for table, new in zip(self._plan.tables(), plan.tables(), strict=True):
            table.copy_(new)
        self._counter.fill_(within)
        self._epoch, self._within = epoch, within

    def __call__(self) -> None:
        """Run the next step of the epoch."""
        self.prepare()
        if self._draws:  # the same dropout whether or not the run was resumed
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
        batch: tuple[Any, ...] = (
            self.pixels_NHW.index_select(0, indices_B), self.labels_N.index_select(0, indices_B),
            random_BD, plan.mixup_lambda_S.index_select(0, counter)[0],
            plan.annealing_S.index_select(0, counter)[0],
            *(
                None if table_NK is None else table_NK.index_select(0, indices_B)
                for table_NK in (self.soft_targets_NK, self.votes_NK)
            ),
        )  # fmt: skip
        loss = self._backward(batch)
        if self.recipe.sam_rho:
            self._sam_gradient(batch)
        self.optimizer.step()
        if self.averaged is not None:
            ema_update(self.averaged, self.network, plan.ema_decay_S.index_select(0, counter)[0])
        self.losses_S.index_copy_(0, counter, loss.detach()[None])
        counter += 1

    def _backward(self, batch: tuple[Any, ...]) -> Tensor:
        """Backward pass: fills the gradients; returns the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss: Tensor = self._loss(*batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.network.parameters())
        return loss

    def _sam_gradient(self, batch: tuple[Any, ...]) -> None:
        """Gradient after the SAM ascent step (Foret et al., 2021; ASAM: Kwon et al., 2021).

        The batch norms' statistics come from the first pass alone.
        """
        weights: list[Tensor] = []
        ascent: list[Tensor] = []
        for parameter in self.network.parameters():
            if parameter.grad is not None:
                weights.append(parameter)
                ascent.append(parameter.grad)
        buffers = list(self.network.buffers())
        with torch.no_grad():
            sizes = torch._foreach_abs(weights) if self.recipe.sam_adaptive else None
            if sizes is not None:
                ascent = list(torch._foreach_mul(sizes, ascent))
            length = torch.stack(torch._foreach_norm(ascent)).norm()
            if sizes is not None:
                ascent = list(torch._foreach_mul(sizes, ascent))
            ascent = list(torch._foreach_mul(ascent, self.recipe.sam_rho / (length + 1e-12)))
            kept = [value.clone() for value in (*weights, *buffers)]
            torch._foreach_add_(weights, ascent)
        self._backward(batch)
        with torch.no_grad():
            torch._foreach_copy_([*weights, *buffers], kept)

    def _loss_of_batch(
        self,
        faces_BHW: Tensor,
        target_B: Tensor,
        random_BD: Tensor,
        mixup_lambda: Tensor,
        annealing: Tensor,
        soft_targets_BK: Tensor | None = None,
        votes_BK: Tensor | None = None,
    ) -> Tensor:
        recipe = self.recipe
        x_B1HW = augment(faces_BHW, recipe, random_BD)
        # mixup's and CutMix's lambda of each face; None without mixing
        own_B: Tensor | None = None
        if recipe.mixup:
            own_B = mixup_lambda.expand(len(x_B1HW))
        if recipe.cutmix:
            cut_B1HW, cut_own_B = cut_mix(x_B1HW, recipe.cutmix, random_BD)
            if own_B is not None:  # one or the other, for each face
                uncut_B = cut_own_B == 1
                own_B = torch.where(uncut_B, own_B, cut_own_B)
                mixed_B1HW = mixup_lambda * x_B1HW + (1 - mixup_lambda) * x_B1HW.flip(0)
                x_B1HW = torch.where(uncut_B[:, None, None, None], mixed_B1HW, cut_B1HW)
            else:
                own_B, x_B1HW = cut_own_B, cut_B1HW
        elif recipe.mixup:
            x_B1HW = mixup_lambda * x_B1HW + (1 - mixup_lambda) * x_B1HW.flip(0)
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
                soft_targets_BK = self._teacher_probabilities(x_B1HW)
        elif soft_targets_BK is not None and own_B is not None:  # of whole faces
            soft_targets_BK = own_B[:, None] * soft_targets_BK + (1 - own_B)[
                :, None
            ] * soft_targets_BK.flip(0)
        if soft_targets_BK is not None:
            student_BK = self.network.classify(embedding_BC)
            distilled = distillation(student_BK, soft_targets_BK, recipe.distill_temperature)
            loss = (1 - recipe.distill_alpha) * loss + recipe.distill_alpha * distilled
        if votes_BK is not None:
            if own_B is not None:
                votes_BK = own_B[:, None] * votes_BK + (1 - own_B)[:, None] * votes_BK.flip(0)
            crowd_BK = self.network.classify_crowd(embedding_BC)
            loss = loss + recipe.crowd_weight * vote_loss(crowd_BK, votes_BK).mean()
        return loss

    def _teacher_probabilities(self, x_B1HW: Tensor) -> Tensor:
        """The teachers' mean probabilities [B, K] at ``distill_temperature``."""
        probabilities = []
        for teacher in self.teachers:
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                logits_BK = teacher(x_B1HW)
            probabilities.append((logits_BK.float() / self.recipe.distill_temperature).softmax(1))
        return torch.stack(probabilities).mean(0)

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
        """All tensors that a step changes."""
        momentum = [
            value
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]
        averages = [] if self.averaged is None else list(self.averaged.state_dict().values())
        return [
            *self.network.state_dict().values(), *averages, *momentum, self._counter,
            self.losses_S, self._rate,
        ]  # fmt: skip

    @property
    def is_captured(self) -> bool:
        """Whether a step is launched as one CUDA graph."""
        return self._graph is not None

    def prepare(self) -> None:
        """Compile and capture with trial steps, then restore everything that they changed.

        The first step does it, where nobody did before.
        """
        if self._prepared:
            return
        self._prepared = True
        before = [value.clone() for value in self._state()]
        try:
            if self._compiles:
                self._try_compiled()
            if self._captures:
                self._try_capture(before)
        finally:
            self.optimizer.zero_grad(set_to_none=True)
            self._restore(before)

    def _restore(self, before: Iterable[Tensor]) -> None:
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
        except Exception as error:  # a missing compiler or package raises what it likes
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise
            self._loss = self._loss_of_batch
            self.notice(
                f"torch.compile does not work here ({_first_line(error)}); training goes on "
                "without it, more slowly. --no-compile skips the attempt."
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
        self._restore(before)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._step()
        except RuntimeError as error:
            graph.reset()
            if is_out_of_memory(error):
                raise
            self.notice(
                f"The step cannot be captured as a CUDA graph ({_first_line(error)}); training "
                "goes on without one, which is slower for small batches. --no-graph skips the "
                "attempt."
            )
            return
        self._graph = graph


def memory_format(recipe: Recipe, device: torch.device) -> torch.memory_format:
    """Memory format: channels last, but not for the tests' narrow networks on a CPU.

    There torch 2.14 (oneDNN 3.12) writes past the end of arrays of 4 channels.
    """
    narrow = recipe.width < 8 and device.type == "cpu"
    return torch.contiguous_format if narrow else torch.channels_last


def make_optimizer(
    network: nn.Module, recipe: Recipe, rate: Tensor | float
) -> torch.optim.Optimizer:
    """SGD optimiser without weight decay on norms, biases and a head of unit rows; momentum 0."""
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
        # torch creates these in the first step, which would then differ from all others
        for parameter in (*decayed, *kept):
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


@torch.no_grad()
def ema_update(averaged: nn.Module, network: nn.Module, ema_decay: Tensor) -> None:
    """EMA update: average <- ema_decay * average + (1 - ema_decay) * network; counters copied."""
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
    torch._foreach_mul_(difference, 1 - ema_decay)
    torch._foreach_add_(kept, difference)


_FULL_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Texts of a plain RuntimeError from a CPU's allocator, CUDA, and cuBLAS or cuDNN."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error means that the device's memory is full."""
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(words in text for words in _FULL_MEMORY)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
