"""The benchmark as tests.

`pytest --pyargs subliminal_bench.suite --subliminal-mitigation NAME`
"""
