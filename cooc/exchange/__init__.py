"""What other tools read and give: exports, a scikit-learn vectorizer, documents of Hugging Face and datatrove."""
