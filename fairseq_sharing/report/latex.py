"""The report's tables in LaTeX: each a tabular that is no wider than the line that it stands in."""

import re

from .tables import Table

HEAD = r"""% needs \usepackage{booktabs,graphicx}
\providecommand{\nowiderthanline}[1]{%
  \noindent{\setlength{\tabcolsep}{4pt}%
  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{#1}}\par}
"""

_SPECIAL = {character: rf"\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # would be an argument of the end of the row before
    "*": "{*}",
    "–": r"\textendash{}",
}
_ESCAPES = str.maketrans(_SPECIAL)


def latex(tables: list[Table]) -> str:
    """A tabular environment for each table, with its title and notes as comments."""
    parts = []
    for table in tables:
        comments = [f"% {text}" for text in (table.title, *table.notes)]
        parts.append("\n".join([*comments, *_tabular(table)]))
    return HEAD + "\n" + "\n\n\\bigskip\n".join(parts) + "\n"


def _tabular(table: Table) -> list[str]:
    lines = [rf"\nowiderthanline{{\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}"]
    lines += [r"\toprule", _row([_heading(cell) for cell in table.columns]), r"\midrule"]
    for number, row in enumerate(table.rows):
        if number and number % table.lines == 0 and table.lines > 1:
            lines.append(r"\addlinespace")
        lines.append(_row([escaped(row[0]), *map(_figure, row[1:])]))
    return [*lines, r"\bottomrule", r"\end{tabular}}"]


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _heading(text: str) -> str:
    """A heading, in two lines where it has two words."""
    return rf"\shortstack[r]{{{escaped(text).replace(' ', chr(92) * 2, 1)}}}"


def escaped(text: str) -> str:
    """The text as LaTeX prints it, letter for letter."""
    return re.sub("-(?=-)", "-{}", text.translate(_ESCAPES))


def _figure(text: str) -> str:
    """A figure with mathematical signs: ×, minus, and its interval in small type."""
    if text == "-":
        return "--"
    text = re.sub(r"^x(?=\d)", r"$\\times$", text.translate(_ESCAPES))
    text = re.sub(r"^([+-])(?=\d)", r"$\1$", text)
    return re.sub(r" ± (.*)", r"{\\scriptsize\\,$\\pm$\\,\1}", text)
