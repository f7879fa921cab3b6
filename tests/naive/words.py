"""The word tokenizer in plain Python: its specification."""

import unicodedata

JOINERS = "\u200c\u200d"
LONGEST = 255


def kind(character: str) -> str:
    """L letter or number, M mark, J joiner, A apostrophe, - anything else."""
    if character in JOINERS:
        return "J"
    if character in "'\u2019":
        return "A"
    category = unicodedata.category(character)[0]
    return {"L": "L", "N": "L", "M": "M"}.get(category, "-")


def naive_words(text: str, *, keep_case: bool = False) -> list[bytes]:
    """The words of a text, by the rules, one character at a time."""
    text = text.replace("\u00ad", "")
    words: list[str] = []
    word = ""
    for i, character in enumerate(text):
        here = kind(character)
        if here == "A":
            inner = word and kind(text[i - 1]) in "LM" and i + 1 < len(text) and kind(text[i + 1]) == "L"
        else:
            inner = here == "L" or (word and here in "MJ")
        if inner:
            word += "'" if here == "A" else character if keep_case else character.casefold()
        else:
            words.append(word)
            word = ""
    words.append(word)
    return [piece for word in words if word for piece in cut(word)]


def cut(word: str) -> list[bytes]:
    """A word in pieces of at most 255 bytes, between characters, each as long as it can be."""
    pieces = [b""]
    for character in word:
        encoded = character.encode()
        if len(pieces[-1]) + len(encoded) > LONGEST:
            pieces.append(b"")
        pieces[-1] += encoded
    return pieces
