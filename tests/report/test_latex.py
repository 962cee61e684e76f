"""The tables in LaTeX: read back letter for letter, and set by LaTeX itself where there is one."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.latex import escaped, latex
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import Table, tables_of

ODD = r"[red]*50% & #1_{a}~^$\b--<i>|"
NAMES = {
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textendash": "–",
}
DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,graphicx}
\begin{document}
\input{table}
\end{document}
"""


def read(code: str) -> str:
    """What LaTeX prints for text without commands but those of single characters."""
    assert not re.search(r"(?<!\\)[&%$#_~^<>|–]", code)
    code = re.sub(r"\\(text\w+)\{\}", lambda found: f"\0{ord(NAMES[found[1]])}\0", code)
    code = re.sub(r"\\([&%$#_{}])", lambda found: f"\0{ord(found[1])}\0", code)
    assert "\\" not in code
    code = code.replace("{", "").replace("}", "")
    return re.sub("\0([0-9]+)\0", lambda found: chr(int(found[1])), code)


@given(st.text("".join(NAMES.values()) + "&%$#_{}-[]*ab 1/."))
def test_every_character_is_printed_as_itself(text):
    code = escaped(text)
    assert read(code) == text
    assert "--" not in code
    assert not code.startswith(("[", "*"))


def odd_tables(planted) -> list[Table]:
    """All tables of a report, and one of names that LaTeX has other uses for."""
    odd = Table(ODD, ("system", ODD), [(ODD, "x1.00"), (ODD, "-0.13"), (ODD, "-")], [ODD])
    return [*tables_of(summarise(find_runs([planted]))), odd]


def test_rows_are_as_wide_as_their_headings_and_figures_have_their_signs(planted):
    text = latex(odd_tables(planted))
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    blocks = re.findall(r"\\begin\{tabular\}\{(lr+)\}(.*?)\\end\{tabular\}", code, re.DOTALL)
    assert len(blocks) == 4
    for columns, body in blocks:
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns) - 1}
    figures = [row.rpartition(" & ")[2] for row in blocks[3][1].splitlines() if " & " in row]
    assert figures[1:] == [r"$\times$1.00 \\", r"$-$0.13 \\", r"-- \\"]
    assert r"deep\_rev & " in code
    assert re.search(r"\d\{\\scriptsize\\,\$\\pm\$\\,\d+\.\d\}", code)
    assert code.isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs LaTeX")
def test_latex_sets_it_without_a_complaint(planted, tmp_path):
    (tmp_path / "table.tex").write_text(latex(odd_tables(planted)))
    (tmp_path / "report.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout
    assert "Warning" not in done.stdout
