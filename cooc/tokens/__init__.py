"""Text to terms: the tokenizers, their specifications, and the vocabularies they count."""

from cooc.tokens.spec import TokenizerSpec
from cooc.tokens.tokenizer import TokenCounter, Tokenizer, tokenizer_for, tokenizer_of
from cooc.tokens.vocabulary import LocalVocabulary
from cooc.tokens.words import WordCounter

__all__ = [
    "LocalVocabulary", "TokenCounter", "Tokenizer", "TokenizerSpec", "WordCounter", "tokenizer_for", "tokenizer_of",
]  # fmt: skip
