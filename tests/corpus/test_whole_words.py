"""Text in whole words: the commonest are known, every other is the unknown one."""

from dataclasses import replace

from fairseq_sharing.corpus.whole_words import UNKNOWN, encode, learn


def test_the_commonest_words_are_known(texts, tmp_path):
    text, output = tmp_path / "train.en", tmp_path / "words" / "train.en"
    text.write_text("b a\na c b\n\na <unk>\n", "utf-8")
    learn([text], replace(texts.data, vocabulary=2), tmp_path / "words" / "vocabulary.txt")
    assert (tmp_path / "words" / "vocabulary.txt").read_text() == "a\nb\n"
    assert encode(text, "en", tmp_path / "words" / "vocabulary.txt", output) == 7
    assert output.read_text() == f"b a\na {UNKNOWN} b\n\na {UNKNOWN}\n"
