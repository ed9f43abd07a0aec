//! Suites that cross the borders of crates, in `tests/`; the golden fixtures are in `golden/`.
