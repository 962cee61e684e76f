"""The report as data: which runs make which rows, compared with which baseline."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import SharingError
from ..experiment.runs import Run
from ..progress import in_turn
from .collect import read_test_sets, read_training
from .comparable import require_comparable
from .paper import TABLES, PaperTable, paper_row
from .rows import Row
from .significance import TESTS, tester
from .speeds import relative_speed
from .trainings import Training


@dataclass(frozen=True)
class Report:
    """Systems in the order of their runs; valid_loss is the one that times are measured to."""

    title: str
    rows: tuple[Row, ...]
    baseline: str
    test: str
    valid_loss: float | None

    @property
    def trainings(self) -> list[Training]:
        return [training for row in self.rows for training in row.trainings]

    @property
    def test_sets(self) -> list[str]:
        return list(self.rows[0].first.scores)

    @property
    def paper_table(self) -> PaperTable:
        """The paper's table of what is compared."""
        return TABLES[self.rows[0].first.run.experiment.kind]

    @property
    def several_seeds(self) -> bool:
        return any(len(row.trainings) > 1 for row in self.rows)

    @property
    def best(self) -> Row:
        """The system with the best average score, the baseline left out if there are others."""
        others = [row for row in self.rows if row.label != self.baseline]
        sign = -1 if self.rows[0].main.less_is_better else 1
        return max(others or self.rows, key=lambda row: sign * row.average().mean)

    @cached_property
    def sources(self) -> list[str]:
        """The segments of all test sets, one after the other."""
        first = self.rows[0].first
        return read_test_sets(first, first.run.experiment.languages.source)

    @cached_property
    def references(self) -> list[str]:
        first = self.rows[0].first
        return read_test_sets(first, first.run.experiment.languages.target)


def summarise(
    runs: list[Run],
    baseline: str | None = None,
    test: str = "bs",
    valid_loss: float | None = None,
) -> Report:
    """Read runs and compare them with a baseline, by default that of the first run's experiment.

    test is the significance test, a key of TESTS. Times are to valid_loss, by default to what
    every training of the baseline ends with. Raises SharingError for runs that are not finished
    or do not compare, and for a baseline that is not among them.
    """
    if test not in TESTS:
        raise SharingError(f"--test {test}: choose from {', '.join(TESTS)}")
    trainings = [read_training(run) for run in runs]
    require_comparable(trainings)
    groups = _by_system(trainings)
    name = _baseline(baseline, runs[0], list(groups))
    of_baseline = {training.run.seed: training for training in groups[name]}
    losses = [t.log.valid_loss for t in groups[name] if t.log.valid_loss is not None]
    tested = _tested(groups, name, test)
    rows = [_row(label, group, of_baseline, tested[label]) for label, group in groups.items()]
    title = ", ".join(dict.fromkeys(run.experiment.name for run in runs))
    return Report(title, tuple(rows), name, test, valid_loss or max(losses, default=None))


def _by_system(trainings: list[Training]) -> dict[str, list[Training]]:
    """Trainings of one system by its name, with its experiment's where two have that name."""
    systems: dict[tuple[Path, str], list[Training]] = {}
    for training in trainings:
        run = training.run
        systems.setdefault((run.folder.parent, run.system.name), []).append(training)
    names = Counter(name for _, name in systems)
    groups: dict[str, list[Training]] = {}
    for (folder, name), group in systems.items():
        label = name if names[name] == 1 else f"{folder.name}/{name}"
        if label in groups:
            raise SharingError(
                f"{group[0].run.folder} and {groups[label][0].run.folder} have the same name: "
                "rename the folder of one"
            )
        groups[label] = group
    return groups


def _baseline(asked: str | None, first: Run, labels: list[str]) -> str:
    name = asked or first.experiment.baseline
    for label in (name, f"{first.folder.parent.name}/{name}"):
        if label in labels:
            return label
    raise SharingError(
        (f"--baseline {asked}" if asked else f"the experiment's baseline '{name}'")
        + f" is none of the systems {', '.join(labels)}: add its run or give --baseline NAME"
    )


def _tested(
    groups: dict[str, list[Training]], baseline: str, test: str
) -> dict[str, dict[int, float]]:
    """The p-values of every system by seed, for each that the baseline has, too."""
    test_of = tester(groups[baseline][0], test)
    found: dict[str, dict[int, float]] = {label: {} for label in groups}
    for base in in_turn(groups[baseline], "significance, seeds"):
        others = {
            label: training
            for label, group in groups.items()
            for training in group
            if label != baseline and training.run.seed == base.run.seed
        }
        values = test_of(base, others)
        for label, value in values.items():
            if value is not None:
                found[label][base.run.seed] = value
    return found


def _row(
    label: str,
    group: list[Training],
    of_baseline: dict[int, Training],
    tested: dict[int, float],
) -> Row:
    any_baseline = next(iter(of_baseline.values()))
    name = group[0].run.system.paper
    return Row(
        label=label,
        trainings=tuple(group),
        p_values=tested,
        relative_speeds=tuple(
            relative_speed(training, of_baseline.get(training.run.seed, any_baseline))
            for training in group
        ),
        paper=None if name is None else paper_row(name, group[0].run.experiment.kind),
    )
