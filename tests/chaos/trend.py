"""Whether a figure that is sampled over time grows: by a line through all samples, not by two of them."""
import statistics

MOST = 400  # samples that are paired; of more, every so many


def slope(samples):
    """Per second, of (seconds, value): the median of the slopes of all pairs (Theil, Sen), so that some outliers, however
    far, and a last sample that happens to be high, do not count."""
    thinned = samples[::-(-len(samples) // MOST) or 1]
    slopes = [(late - early) / (end - begin) for number, (begin, early) in enumerate(thinned)
              for end, late in thinned[number + 1:] if end > begin]
    return statistics.median(slopes) if slopes else 0.0


def growth(samples):
    """By the line, from the first to the last sample."""
    return slope(samples) * (samples[-1][0] - samples[0][0])


def relative_growth(samples):
    """The same, as a share of the median."""
    return growth(samples) / statistics.median(value for _, value in samples)
