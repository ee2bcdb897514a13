"""The words of PromQL that a confined query may have, and how large it may be.

`info` is not among the functions: it reads series that no selector names.
"""

import re

FUNCTIONS = frozenset(
    """
    abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min
    cos cosh count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv
    double_exponential_smoothing exp floor histogram_avg histogram_count histogram_fraction histogram_quantile
    histogram_stddev histogram_stdvar histogram_sum hour idelta increase irate label_join label_replace
    last_over_time ln log10 log2 mad_over_time max_over_time min_over_time minute month pi predict_linear
    present_over_time quantile_over_time rad rate resets round scalar sgn sin sinh sort sort_by_label
    sort_by_label_desc sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp vector
    year
    """.split()
)
AGGREGATIONS = frozenset(
    "avg bottomk count count_values group limit_ratio limitk max min quantile stddev stdvar sum topk".split()
)
OPERATORS = frozenset("+ - * / % ^ == != > < >= <= and or unless atan2".split())

LONGEST = 8192
"""Characters of a query, and of all the selectors of a list."""
MOST_OPERATIONS = 100
"""Of a query: reading it takes a time, and a depth, that grow with them."""
MOST_PATTERNS = 10
"""Regular expressions of a request."""
MOST_REPEATED = 50
"""The sum of the counts (`{n}`) of one."""
_OPERATION = re.compile(r"[-+*/%^(\[<>]|[=!]=|\b(?:and|or|unless|atan2|offset)\b", re.IGNORECASE)


def too_large(query: str) -> str | None:
    """What is too much about a query, if anything is; strings and comments count like the rest."""
    if len(query) > LONGEST:
        return f"A query has at most {LONGEST} characters. Ask for less in one query."
    if sum(1 for _ in _OPERATION.finditer(query)) > MOST_OPERATIONS:
        return f"A query has at most {MOST_OPERATIONS} operators, calls and brackets. Ask for less in one query."
    return None
