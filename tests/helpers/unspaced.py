"""Small parallel texts whose target language has no spaces between words, or its own script."""

import random
from pathlib import Path

ENGLISH = ["red", "old", "new", "dog", "cat", "house", "window", "door", "sees", "opens", "shuts"]
WORDS = {
    "zh": ["红色的", "旧的", "新的", "狗", "猫", "房子", "窗口", "门", "看见", "打开", "关上"],
    "ja": ["赤い", "古い", "新しい", "犬", "猫", "家", "窓", "ドア", "見る", "開ける", "閉める"],
    "ko": ["빨간", "오래된", "새로운", "개가", "고양이", "집을", "창문", "문을", "봅니다", "엽니다",
           "닫아요"],
    "th": ["แดง", "เก่า", "ใหม่", "หมา", "แมว", "บ้าน", "หน้าต่าง", "น้ำ", "เห็น", "เปิด", "ปิด"],
}  # fmt: skip
MARKS = {"zh": ("，", "。"), "ja": ("、", "。"), "ko": (", ", "."), "th": (" ", "")}
BETWEEN = {"ko": " "}


def plant_text(folder: Path, language: str, number: int = 400) -> tuple[Path, Path]:
    """Different sentences of three to eight words with a comma, word by word; both files."""
    draw = random.Random(3)
    sentences = {tuple(draw.choices(range(11), k=draw.randint(3, 8))) for _ in range(number)}
    comma, stop = MARKS[language]
    between = BETWEEN.get(language, "")
    texts: dict[str, list[str]] = {"en": [], language: []}
    for words in sorted(sentences):
        english = [ENGLISH[word] for word in words]
        other = [WORDS[language][word] for word in words]
        texts["en"].append(" ".join(english[:2]) + ", " + " ".join(english[2:]) + ".")
        texts[language].append(between.join(other[:2]) + comma + between.join(other[2:]) + stop)
    paths = tuple(folder / f"my.{code}" for code in texts)
    for path, lines in zip(paths, texts.values(), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return paths[0], paths[1]
