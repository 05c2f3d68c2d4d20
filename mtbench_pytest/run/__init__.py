"""One bench in one run: questions, answers, judgments, rows."""
