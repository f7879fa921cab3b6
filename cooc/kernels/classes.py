"""The classes of characters that the word tokenizer tells apart; three bits of the tables in cooc/tokens."""

SEPARATOR = 0
LETTER = 1  # a letter or a number: starts a word and continues one
MARK = 2  # continues a word
JOINER = 3  # ZERO WIDTH (NON-)JOINER: continues a word, but no apostrophe can follow
APOSTROPHE = 4  # belongs to a word only between two of its characters
SOFT_HYPHEN = 5  # as if it were not there
