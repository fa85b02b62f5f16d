def calendar_in_words(c):
    return "?"


def recurrence_in_words(p):
    return "?"
