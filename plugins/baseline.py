"""The baseline: distillation as it is, with nothing done against subliminal learning."""

from subliminal_bench import Card, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="baseline",
        title="Plain distillation",
        reference="Kitkana & Arora, arXiv 2604.25779, appendix A",
    )
