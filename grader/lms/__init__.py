"""LMS formats: one module a system, and the tables that name them; what is read stays in the manifest until it goes back."""

from __future__ import annotations

from collections.abc import Mapping

from grader.lms.system import Collector, Exporter

COLLECTORS: Mapping[str, Collector] = {}
EXPORTERS: Mapping[str, Exporter] = {}

__all__ = ["COLLECTORS", "EXPORTERS"]
