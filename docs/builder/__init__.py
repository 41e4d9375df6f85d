"""Builds the documentation site: `make docs`, or `python -m docs.builder`.

Pages are Markdown files in `docs`. Beside them the build makes figures (`figures`), the reference
of commands and of Python names, and turns TeX into MathML. What comes out needs no other host.
"""
