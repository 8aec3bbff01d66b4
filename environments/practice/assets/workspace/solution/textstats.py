def describe(text):
    """Four facts about a text: see the instructions."""
    words = text.split()
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return {
        "words": len(words),
        "longest": max(words, key=len) if words else "",
        "sentences": text.count("."),
        "most_common": max(counts, key=lambda word: counts[word]) if counts else "",
    }
