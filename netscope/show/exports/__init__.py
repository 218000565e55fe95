"""Texts that one kind of answer has beside its page, for a program that reads nothing else. A file each."""
