"""Which way a score improves, by its name alone."""

LOWER_IS_BETTER = {
    "loss", "log_loss", "ece", "rms", "mae", "nmad", "sigma_iqr", "outlier_fraction", "outlier_fraction_3sigma", "crps",
    "cde_loss", "pit_ks", "interval_width", "set_size",
}  # fmt: skip


BETWEEN = {"bias", "coverage", "coverage_90", "set_coverage"}  # best at a value between, which nothing can aim at


def mode_of(monitor: str) -> str:
    """ "min" or "max", which way the score named "part/name" or "part/name/target" improves."""
    words = monitor.split("/")
    return "min" if len(words) > 1 and words[1] in LOWER_IS_BETTER else "max"
