"""Plan of an archive: what is to be analysed, what is done already, and under which names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from ferdesk.archive.finished import FinishedWork, Held, Wanted
from ferdesk.factory.recordings import folder_name_of
from ferdesk.factory.sources import PictureFiles, is_live


class Todo(Enum):
    """What is to be done with a source."""

    NEW = "new"
    AGAIN = "again"
    """It was interrupted."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Item:
    """One source of a plan.

    ``folder_name`` is its session's, unless somebody takes it first, and ``stem`` the same without
    a number; ``length_s`` is 0 where it is not known. ``stale`` are sessions of interrupted
    analyses, whose place the new one takes. ``done`` is the session that holds it, and ``known``
    are all that did when the plan was made.
    """

    number: int
    name: str
    todo: Todo
    folder_name: str = ""
    size_bytes: int = 0
    length_s: float = 0.0
    stale: tuple[Path, ...] = ()
    done: Path | None = None
    known: tuple[Path, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    pictures: PictureFiles | None = None
    """What is analysed as one session; ``name`` is their folder then."""
    stem: str = ""

    @property
    def source(self) -> str | PictureFiles:
        """What is to be analysed."""
        return self.pictures or self.name

    def held_by(self, finished: FinishedWork) -> list[Held]:
        """The sessions of it."""
        if self.pictures is not None:
            return finished.of_pictures(self.pictures)
        return finished.of(Path(self.name))


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of an archive, in the order of its sources."""

    out: Path
    items: tuple[Item, ...]

    @property
    def open_items(self) -> list[Item]:
        """What is to be analysed."""
        return [item for item in self.items if item.todo is not Todo.DONE]

    def longest_first(self) -> list[Item]:
        """What is to be analysed, so that no worker ends long after the others."""
        return sorted(
            self.open_items, key=lambda item: (-item.length_s, -item.size_bytes, item.number)
        )


def is_file(name: str) -> bool:
    """Whether a source is a file, whose analysis can be found again."""
    return name != "demo" and not is_live(name)


class Planner:
    """Planner of an archive: reads once what ``out`` holds, then looks at one source after another.

    ``redo`` analyses again what is done; those sessions are left as they are. ``length_of`` is a
    file's length in seconds, as far as it is had without decoding.
    """

    def __init__(
        self,
        out: Path,
        wanted: Wanted,
        *,
        redo: bool = False,
        length_of: Callable[[Path], float] = lambda _: 0.0,
    ) -> None:
        self._finished = FinishedWork(out, wanted)
        self._taken = {path.name for path in out.iterdir()} if out.is_dir() else set()
        self._redo, self._length_of = redo, length_of

    def renew(self, folder: Path) -> None:
        """Take into account what has been written into a session's folder since."""
        self._finished.renew(folder)

    def item(
        self, number: int, source: str | PictureFiles, labels: Mapping[str, str] | None = None
    ) -> Item:
        """What is to be done with a source; its folder's name is taken from then on."""
        pictures = source if isinstance(source, PictureFiles) else None
        name = str(source.folder) if isinstance(source, PictureFiles) else source
        labels = labels or {}
        if not is_file(name):
            return Item(number, name, Todo.NEW, labels=labels)
        item = Item(number, name, Todo.DONE, labels=labels, pictures=pictures)
        held = item.held_by(self._finished)
        known = tuple(one.folder for one in held if one.whole)
        stale = tuple(one.folder for one in held if one.replaceable)
        if known and not self._redo:
            return replace(item, stale=stale, done=known[0], known=known)
        stem = folder_name_of(Path(name).stem if pictures is None else pictures.name)
        folder_name = _free(stem, self._taken)
        self._taken.add(folder_name)
        files = [Path(name)] if pictures is None else pictures.paths
        return replace(
            item,
            todo=Todo.AGAIN if stale else Todo.NEW,
            folder_name=folder_name,
            stem=stem,
            size_bytes=sum(_size_of(file) for file in files),
            length_s=self._length_of(Path(name)) if pictures is None else float(len(files)),
            stale=stale,
            known=known,
        )


def make_plan(
    names: Sequence[str | PictureFiles],
    out: Path,
    wanted: Wanted,
    *,
    redo: bool = False,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    length_of: Callable[[Path], float] = lambda _: 0.0,
) -> Plan:
    """Look at what ``out`` holds and plan the rest.

    Args:
        names: files, picture sets, and what is always analysed anew: the demo, cameras, addresses.
        out: the archive's folder, which need not be there.
        wanted: model and settings that make a session count as done.
        redo: analyse again what is done; those sessions are left as they are.
        labels: participant and condition by a source's name.
        length_of: a file's length in seconds, as far as it is had without decoding.
    """
    planner = Planner(out, wanted, redo=redo, length_of=length_of)
    items = []
    for number, source in enumerate(names):
        name = str(source.folder) if isinstance(source, PictureFiles) else source
        items.append(planner.item(number, source, (labels or {}).get(name)))
    return Plan(out, tuple(items))


def _free(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
